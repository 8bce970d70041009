//! References to container images by digest (API-219, SC-103, SC-B13). The one parser of the service (API-B6).

use std::fmt;
use std::str::FromStr;

use integration_api::keys;
use thiserror::Error;

/// `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest, if the text is one.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        let valid = text.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(ImageError::Digest(shown(text))) }
    }

    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `[registry/]repository[:tag]@sha256:…`, checked. Displays as it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    /// Registry, repository and tag.
    name: String,
    /// Length of `name` without the tag.
    repository: usize,
    digest: Digest,
}

impl ImageReference {
    /// A valid digest reference (SC-103); a tag beside the digest is allowed and kept.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        let (name, digest) = text.split_once('@').ok_or_else(|| ImageError::NoDigest(shown(text)))?;
        if digest.contains('@') {
            return Err(ImageError::SeveralDigests(shown(text)));
        }
        let digest = Digest::parse(digest)?;
        let repository = check_name(name)?.len();
        Ok(Self { name: name.to_owned(), repository, digest })
    }

    /// The image of a build (SC-B13): results `IMAGE_URL` and `IMAGE_DIGEST`. The tag is dropped. A digest inside the
    /// URL must be equal to the other result.
    pub fn from_results(url: &str, digest: &str) -> Result<Self, ImageError> {
        let (url, digest) = (trim(url), trim(digest));
        for (name, text) in [(keys::RESULT_IMAGE_URL, url), (keys::RESULT_IMAGE_DIGEST, digest)] {
            if text.is_empty() {
                return Err(ImageError::NoText(name));
            }
        }
        let name = match url.split_once('@') {
            Some((name, inside)) if inside == digest => name,
            Some((_, inside)) => {
                return Err(ImageError::DifferentDigests { url: shown(inside), result: shown(digest) });
            }
            None => url,
        };
        let digest = Digest::parse(digest)?;
        // The tag goes before anything is checked: the digest names the image, whatever the tag looks like.
        let name = check_name(without_tag(name))?.to_owned();
        Ok(Self { repository: name.len(), name, digest })
    }

    /// Registry and repository, without tag and digest.
    pub fn repository(&self) -> &str {
        self.name.get(..self.repository).unwrap_or(&self.name)
    }

    /// The digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// The name up to a tag; a colon before the last slash belongs to a port. What has two colons is no name with a tag and
/// stays as it is.
fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((untagged, tag))
            if !tag.contains('/') && !untagged.rsplit('/').next().unwrap_or_default().contains(':') =>
        {
            untagged
        }
        _ => name,
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.digest)
    }
}

impl FromStr for ImageReference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text is no image reference by digest. Names what was found, shortened to 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// A result of a build without any text.
    #[error("result {0} is no text: it is empty, an array or an object")]
    NoText(&'static str),
    /// No digest at all.
    #[error("image {0:?} has no digest")]
    NoDigest(String),
    /// More than one `@`.
    #[error("image {0:?} has more than one digest")]
    SeveralDigests(String),
    /// Not a sha256 digest in lower-case hexadecimal.
    #[error("image digest {0:?} is not sha256: followed by 64 lower-case hexadecimal digits")]
    Digest(String),
    /// The URL of a build names another digest than the build's result.
    #[error("the image URL names digest {url:?} but the build reports digest {result:?}")]
    DifferentDigests {
        /// Digest inside the URL.
        url: String,
        /// Digest of the result.
        result: String,
    },
    /// The URL begins with `scheme://`.
    #[error("image {0:?} begins with a scheme; write registry/repository")]
    Scheme(String),
    /// The first segment is no host and port.
    #[error("image registry {0:?} is no host with an optional port")]
    Registry(String),
    /// Not 2 to 255 characters of a-z, 0-9, `_`, `.`, `/` and `-`.
    #[error("image repository {0:?} is not 2 to 255 characters of a-z 0-9 _ . / -")]
    Repository(String),
    /// Not 1 to 128 characters of A-Z, a-z, 0-9, `_`, `.` and `-`.
    #[error("image tag {0:?} is not 1 to 128 characters of A-Z a-z 0-9 _ . -")]
    Tag(String),
}

/// Checks `[registry/]repository[:tag]` and returns it without the tag.
fn check_name(name: &str) -> Result<&str, ImageError> {
    if name.contains("://") {
        return Err(ImageError::Scheme(shown(name)));
    }
    // A colon before the last slash belongs to the port of the registry.
    let (untagged, tag) = match name.rsplit_once(':') {
        Some((untagged, tag)) if !tag.contains('/') => (untagged, Some(tag)),
        _ => (name, None),
    };
    if let Some(tag) = tag
        && !(1..=128).contains(&tag.len())
            | !tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        return Err(ImageError::Tag(shown(tag)));
    }
    let repository = match untagged.split_once('/') {
        Some((registry, repository)) if registry.contains(['.', ':']) => {
            if !is_authority(registry) {
                return Err(ImageError::Registry(shown(registry)));
            }
            repository
        }
        _ => untagged,
    };
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_./-".contains(&byte);
    if (2..=255).contains(&repository.len()) && repository.bytes().all(allowed) {
        Ok(untagged)
    } else {
        Err(ImageError::Repository(shown(repository)))
    }
}

/// Host and optional port of a URI (RFC 3986 without userinfo and percent-encoding).
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    let valid = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(name),
    };
    valid && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn trim(text: &str) -> &str {
    text.trim_matches(|char: char| char.is_ascii_whitespace())
}

/// What an error quotes: the text is a tenant's and may be of any length.
fn shown(text: &str) -> String {
    text.get(..text.floor_char_boundary(256)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
