//! Path and query of a clock's request.
//!
//! Firmware writes paths in any case, appends `.aspx`, doubles the `/iclock` prefix, and an installation may put a
//! prefix of its own before it. Query keys come in any case.

use crate::serial::Serial;

/// Longest query read.
const MAX_QUERY: usize = 4096;
/// Most query parameters read.
const MAX_PARAMETERS: usize = 64;

/// What a clock's request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Handshake and uploads.
    Cdata,
    /// Upload of pictures by older firmware.
    Fdata,
    /// Poll for commands.
    GetRequest,
    /// Results of commands.
    DeviceCmd,
    /// Sign of life.
    Ping,
}

impl Endpoint {
    /// The endpoint of a path; `None` for anything else.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        let (before, name) = path.trim_end_matches('/').rsplit_once('/')?;
        if !before.ends_with("/iclock") {
            return None;
        }
        match name.strip_suffix(".aspx").unwrap_or(name) {
            "cdata" => Some(Self::Cdata),
            "fdata" => Some(Self::Fdata),
            "getrequest" => Some(Self::GetRequest),
            "devicecmd" => Some(Self::DeviceCmd),
            "ping" => Some(Self::Ping),
            _ => None,
        }
    }
}

/// The parameters of a query, by names in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query; what is beyond 4 KiB or 64 parameters is left out.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let mut end = query.len().min(MAX_QUERY);
        while !query.is_char_boundary(end) {
            end -= 1;
        }
        let query = query.get(..end).unwrap_or_default();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name).to_ascii_lowercase(), decode(value))
        };
        Self(query.split('&').filter(|part| !part.is_empty()).take(MAX_PARAMETERS).map(pair).collect())
    }

    /// A parameter's value by its name in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The clock's serial number; `None` when it is missing or is none.
    #[must_use]
    pub fn serial(&self) -> Option<Serial> {
        self.get("sn")?.parse().ok()
    }
}

/// Undoes percent encoding and `+`; bytes that are no UTF-8 then become U+FFFD.
fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut ahead = bytes.clone();
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                match (digit(ahead.next()), digit(ahead.next())) {
                    (Some(high), Some(low)) => {
                        bytes = ahead;
                        u8::try_from(high * 16 + low).unwrap_or(b'?')
                    }
                    _ => b'%',
                }
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/iclock/cdata", Endpoint::Cdata)]
    #[case("/iclock/cdata.aspx", Endpoint::Cdata)]
    #[case("/iclock/iclock/cdata", Endpoint::Cdata)]
    #[case("/ICLOCK/CDATA", Endpoint::Cdata)]
    #[case("/hr/plant-2/iclock/getrequest", Endpoint::GetRequest)]
    #[case("/iclock/getrequest/", Endpoint::GetRequest)]
    #[case("/iclock/devicecmd", Endpoint::DeviceCmd)]
    #[case("/iclock/ping", Endpoint::Ping)]
    #[case("/iclock/fdata", Endpoint::Fdata)]
    fn paths_are_known_in_all_their_spellings(#[case] path: &str, #[case] endpoint: Endpoint) {
        assert_eq!(Endpoint::parse(path), Some(endpoint));
    }

    #[rstest]
    #[case("/")]
    #[case("/cdata")]
    #[case("/iclock")]
    #[case("/iclock/")]
    #[case("/iclock/exchange")]
    #[case("/iclock/cdata/more")]
    #[case("/noticlock/cdata")]
    fn nothing_else_is_known(#[case] path: &str) {
        assert_eq!(Endpoint::parse(path), None);
    }

    #[test]
    fn parameters_are_found_in_any_case() {
        let query =
            Parameters::parse("sn=SIM0000000001&options=all&PushVer=2.4.1&language=69&flag&x=%41+b%zz");
        assert_eq!(query.serial().unwrap().as_str(), "SIM0000000001");
        assert_eq!(query.get("pushver"), Some("2.4.1"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("x"), Some("A b%zz"));
        assert_eq!(Parameters::parse("SN=bad%20serial").serial(), None);
        assert_eq!(Parameters::parse("").serial(), None);
    }

    proptest! {
        #[test]
        fn no_query_or_path_panics(text in ".*") {
            let _ = (Parameters::parse(&text).serial(), Endpoint::parse(&text));
        }
    }
}
