//! Text of clocks, which carry no mark of their encoding.

use encoding_rs::Encoding;

/// How a clock writes names; a setting per clock, since nothing on the wire says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextEncoding {
    /// UTF-8, the usual case on colour-screen clocks.
    #[default]
    Utf8,
    /// GB2312 and its superset GB18030: Chinese firmware (`language=83` in push).
    Gb2312,
    /// Windows-1256: Arabic, Persian and Urdu firmware.
    Windows1256,
    /// Windows-1251: Cyrillic firmware.
    Windows1251,
    /// Windows-874: Thai firmware.
    Windows874,
}

impl TextEncoding {
    /// The encoding push clocks use for the language number of their handshake: 83 is GB2312, all others UTF-8.
    #[must_use]
    pub fn of_push_language(language: Option<u16>) -> Self {
        if language == Some(83) { Self::Gb2312 } else { Self::Utf8 }
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Gb2312 => encoding_rs::GB18030,
            Self::Windows1256 => encoding_rs::WINDOWS_1256,
            Self::Windows1251 => encoding_rs::WINDOWS_1251,
            Self::Windows874 => encoding_rs::WINDOWS_874,
        }
    }

    /// Decodes text; bytes that do not fit become U+FFFD, except a character cut off at the end, which clocks
    /// produce by cutting names at a fixed width and which is dropped.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        let (text, malformed) = self.encoding().decode_without_bom_handling(bytes);
        let text = if malformed { text.trim_end_matches('\u{fffd}') } else { &text };
        text.to_owned()
    }

    /// Encodes text, cut at a character's end to at most `max` bytes; `None` when a character has no place in
    /// this encoding.
    #[must_use]
    pub fn encode(self, text: &str, max: usize) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(max.min(text.len()));
        let mut buffer = [0; 4];
        for character in text.chars() {
            let (bytes, _, unmappable) = self.encoding().encode(character.encode_utf8(&mut buffer));
            if unmappable {
                return None;
            }
            if out.len() + bytes.len() > max {
                break;
            }
            out.extend_from_slice(&bytes);
        }
        Some(out)
    }
}

/// The part of a fixed-width field before its first NUL.
#[must_use]
pub fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gb2312_names_are_read_by_setting() {
        assert_eq!(TextEncoding::Gb2312.decode(&[0xd5, 0xc5, 0xc8, 0xfd]), "张三");
        assert_eq!(TextEncoding::of_push_language(Some(83)), TextEncoding::Gb2312);
        assert_eq!(TextEncoding::of_push_language(Some(69)), TextEncoding::Utf8);
        assert_eq!(TextEncoding::of_push_language(None), TextEncoding::Utf8);
    }

    #[test]
    fn a_character_cut_at_the_field_end_is_dropped() {
        let name = "রহিমা বেগম".as_bytes();
        let cut = TextEncoding::Utf8.decode(&name[..23]);
        assert!("রহিমা বেগম".starts_with(&cut), "{cut}");
        assert_eq!(TextEncoding::Gb2312.decode(&[0xd5, 0xc5, 0xc8]), "张");
    }

    #[test]
    fn encoding_cuts_between_characters_and_refuses_what_has_no_place() {
        assert_eq!(TextEncoding::Utf8.encode("né", 2), Some(b"n".to_vec()));
        assert_eq!(TextEncoding::Windows1256.encode("张", 8), None);
        assert_eq!(until_nul(b"Nina\0junk"), b"Nina");
    }
}
