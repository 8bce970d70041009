use proptest::prelude::*;
use rstest::rstest;

use super::*;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn digest() -> String {
    format!("sha256:{HEX}")
}

// API-219, SC-103, TR-17; 01 §9 row 58
#[rstest]
#[case("quay.io/a/b:tag", "quay.io/a/b")]
#[case("quay.io/a/b", "quay.io/a/b")]
#[case("registry.local:5000/o/c1", "registry.local:5000/o/c1")]
#[case("registry.local:5000/o/c1:v1.0_x-Y", "registry.local:5000/o/c1")]
#[case("localhost:5000/ab", "localhost:5000/ab")]
#[case("[::1]:5000/ab", "[::1]:5000/ab")]
#[case("ubuntu:22.04", "ubuntu")]
#[case("org/image_name.x", "org/image_name.x")]
fn sc_103_valid_references(#[case] name: &str, #[case] repository: &str) {
    let text = format!("{name}@{}", digest());
    let image = ImageReference::parse(&text).unwrap();
    assert_eq!(image.to_string(), text);
    assert_eq!(image.repository(), repository);
    assert_eq!(image.digest().as_str(), digest());
}

#[rstest]
#[case("quay.io/a/b:tag", ImageError::NoDigest("quay.io/a/b:tag".to_owned()))]
#[case("", ImageError::NoDigest(String::new()))]
#[case(&format!("b@sha256:{HEX}"), ImageError::Repository("b".to_owned()))]
#[case(&format!("localhost:5000/b@sha256:{HEX}"), ImageError::Repository("b".to_owned()))]
#[case(&format!("@sha256:{HEX}"), ImageError::Repository(String::new()))]
#[case(&format!("quay.io/A/b@sha256:{HEX}"), ImageError::Repository("A/b".to_owned()))]
#[case(&format!("a:b:tag@sha256:{HEX}"), ImageError::Repository("a:b".to_owned()))]
#[case(&format!("quay.io/a/b:@sha256:{HEX}"), ImageError::Tag(String::new()))]
#[case(&format!("quay.io/a/b:t+@sha256:{HEX}"), ImageError::Tag("t+".to_owned()))]
#[case(&format!("quay.io:port/a/b@sha256:{HEX}"), ImageError::Registry("quay.io:port".to_owned()))]
#[case(&format!("qu%61y.io/a/b@sha256:{HEX}"), ImageError::Registry("qu%61y.io".to_owned()))]
#[case(&format!("https://quay.io/a/b@sha256:{HEX}"), ImageError::Scheme("https://quay.io/a/b".to_owned()))]
#[case(&format!("ab@sha256:{}", HEX.to_uppercase()), ImageError::Digest(format!("sha256:{}", HEX.to_uppercase())))]
#[case(&format!("ab@sha512:{HEX}"), ImageError::Digest(format!("sha512:{HEX}")))]
#[case("ab@sha256:abc", ImageError::Digest("sha256:abc".to_owned()))]
fn sc_103_invalid_references(#[case] text: &str, #[case] expected: ImageError) {
    assert_eq!(ImageReference::parse(text), Err(expected));
}

#[test]
fn sc_103_two_digests_are_refused() {
    let text = format!("quay.io/a/b@{0}@{0}", digest());
    assert!(matches!(ImageReference::parse(&text), Err(ImageError::SeveralDigests(_))));
}

#[rstest]
#[case(2, true)]
#[case(255, true)]
#[case(1, false)]
#[case(256, false)]
fn sc_103_repositories_have_2_to_255_characters(#[case] length: usize, #[case] valid: bool) {
    let text = format!("quay.io/{}@{}", "r".repeat(length), digest());
    assert_eq!(ImageReference::parse(&text).is_ok(), valid);
}

#[rstest]
#[case(128, true)]
#[case(129, false)]
fn sc_103_tags_have_1_to_128_characters(#[case] length: usize, #[case] valid: bool) {
    let text = format!("quay.io/a/b:{}@{}", "t".repeat(length), digest());
    assert_eq!(ImageReference::parse(&text).is_ok(), valid);
}

// SC-B13, GA-X10, API-B6, API-217; 02 E-55, E-56, E-57, N-28
#[rstest]
#[case("quay.io/o/i:tag", "quay.io/o/i")]
#[case("quay.io/o/i:a tag nobody could push", "quay.io/o/i")]
#[case("quay.io/o/i:", "quay.io/o/i")]
#[case("quay.io/o/i", "quay.io/o/i")]
#[case("localhost:5000/o/i:tag", "localhost:5000/o/i")]
#[case("registry.local:5000/o/i:tag", "registry.local:5000/o/i")]
#[case("registry.local:5000/o/i", "registry.local:5000/o/i")]
#[case(" quay.io/o/i:tag\n", "quay.io/o/i")]
#[case(&format!("quay.io/o/i@sha256:{HEX}"), "quay.io/o/i")]
#[case(&format!("quay.io/o/i:tag@sha256:{HEX}"), "quay.io/o/i")]
fn sc_b13_results_become_a_reference(#[case] url: &str, #[case] repository: &str) {
    let image = ImageReference::from_results(url, &format!("\t{}\r\n", digest())).unwrap();
    assert_eq!(image.to_string(), format!("{repository}@{}", digest()));
    assert_eq!(image.repository(), repository);
}

// 02 E-58
#[rstest]
#[case("quay.io/o/i:tag", "invalidDigest", "image digest \"invalidDigest\"")]
#[case("quay.io/o/i:tag", &format!("sha512:{HEX}{HEX}"), "sha512:")]
#[case("quay.io/o/i:tag", " ", "result IMAGE_DIGEST is no text")]
#[case("https://quay.io/o/i:tag", &format!("sha256:{HEX}"), "begins with a scheme")]
#[case("", &format!("sha256:{HEX}"), "result IMAGE_URL is no text")]
#[case(":tag", &format!("sha256:{HEX}"), "image repository \"\"")]
#[case("quay.io/o/i@sha256:00", &format!("sha256:{HEX}"), "names digest \"sha256:00\"")]
fn sc_b13_wrong_results_say_what_is_wrong(#[case] url: &str, #[case] digest: &str, #[case] text: &str) {
    let error = ImageReference::from_results(url, digest).unwrap_err().to_string();
    assert!(error.contains(text), "{error}");
}

#[test]
fn sc_b13_different_digests_are_both_named() {
    let other = format!("sha256:{}", "0".repeat(64));
    let error = ImageReference::from_results(&format!("quay.io/o/i@{other}"), &digest()).unwrap_err().to_string();
    assert!(error.contains(&other) && error.contains(&digest()), "{error}");
}

#[test]
fn errors_quote_a_bounded_part() {
    let error = ImageReference::parse(&"ü".repeat(100_000)).unwrap_err();
    assert!(error.to_string().len() < 2_000);
}

fn registry() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z0-9]{1,8}\\.[a-z]{2,3}(:[0-9]{1,5})?/", "[a-z]{1,9}:[0-9]{2,5}/"]
}

proptest! {
    #[test]
    fn sc_103_parsing_never_panics(text in "\\PC{0,120}", url in ".{0,80}", digest in ".{0,80}") {
        if let Ok(image) = ImageReference::parse(&text) {
            prop_assert_eq!(image.to_string(), text);
        }
        let _ = ImageReference::from_results(&url, &digest);
    }

    #[test]
    fn sc_103_garbage_near_a_reference_never_panics(name in "[a-zA-Z0-9:/@._\\[\\]-]{0,60}", hex in "[0-9a-f]{64}") {
        let text = format!("{name}@sha256:{hex}");
        if let Ok(image) = ImageReference::parse(&text) {
            prop_assert_eq!(image.to_string(), text);
            prop_assert!(image.repository().len() <= name.len());
        }
    }

    #[test]
    fn sc_b13_references_survive_display_and_parse(
        registry in registry(),
        repository in "[a-z0-9]{2,9}(/[a-z0-9._-]{1,9}){0,3}",
        tag in proptest::option::of("[A-Za-z0-9_.-]{1,20}"),
        hex in "[0-9a-f]{64}",
        digest_in_url in any::<bool>(),
    ) {
        let digest = format!("sha256:{hex}");
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let url = format!("{registry}{repository}{tag}{}", if digest_in_url { format!("@{digest}") } else { String::new() });
        let image = ImageReference::from_results(&url, &digest).unwrap();
        prop_assert_eq!(image.to_string(), format!("{registry}{repository}@{digest}"));
        prop_assert_eq!(ImageReference::parse(&image.to_string()), Ok(image.clone()));
        let tagged = ImageReference::parse(&format!("{registry}{repository}{tag}@{digest}")).unwrap();
        prop_assert_eq!(ImageReference::parse(&tagged.to_string()), Ok(tagged.clone()));
        prop_assert_eq!(tagged.repository(), image.repository());
    }
}
