//! Hashes in hexadecimal.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// SHA-256 of the data, 64 lower-case hexadecimal digits.
pub(crate) fn sha256(data: impl AsRef<[u8]>) -> String {
    Sha256::digest(data).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
