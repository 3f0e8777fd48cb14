//! Percent-encoding, undone where that makes text. Pure. Main function: [`percent_decoded`].

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The text with what is percent-encoded in it; what is badly so stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_percent_encoded_is_decoded_where_that_makes_text() {
        for (encoded, plain) in
            [("a%20b", "a b"), ("100%", "100%"), ("%zz", "%zz"), ("%C3%BC", "ü"), ("%FF", "%FF"), ("ü%2", "ü%2")]
        {
            assert_eq!(percent_decoded(encoded), plain);
        }
    }
}
