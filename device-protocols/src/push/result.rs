//! What came of commands: `ID=<id>&Return=<n>&CMD=<name>`, one or several a body.
//!
//! The order of the fields is not fixed, other fields may sit between, and names are misspelt: a result is known by its
//! id alone. Lines without an id (what INFO and others append) are left out.

use super::command::CommandId;

/// Most results read of one body.
const MAX_RESULTS: usize = 256;

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandResult {
    /// Which command.
    pub id: CommandId,
    /// 0 or above: done; below: refused (-1002 not supported, -10 no such user, -1004 configuration, …).
    pub code: i64,
}

/// Reads a body of results.
#[must_use]
pub fn parse(body: &str) -> Vec<CommandResult> {
    body.lines().filter_map(result).take(MAX_RESULTS).collect()
}

fn result(line: &str) -> Option<CommandResult> {
    let field = |name: &str| {
        line.split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then(|| value.trim()))
    };
    Some(CommandResult { id: CommandId::parse(field("ID")?)?, code: field("Return")?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn results_are_known_by_their_id() {
        let body = "ID=a1&Return=0&CMD=DATA\nReturn=-1002&SN=X&ID=b2&CMD= DATA\r\nCMD=AK_UNLOCK&id=c3&return=5\n~X=1\n";
        let results: Vec<_> =
            parse(body).into_iter().map(|result| (result.id.as_str().to_owned(), result.code)).collect();
        assert_eq!(results, [("a1".into(), 0), ("b2".into(), -1002), ("c3".into(), 5)]);
    }

    #[test]
    fn what_has_no_id_or_code_is_no_result() {
        assert_eq!(parse("ID=&Return=0\nID=x y&Return=0\nID=a&Return=maybe\nReturn=0"), []);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in "(ID|Return|[=&\n0-9a-z-])*") {
            let _ = parse(&body);
        }
    }
}
