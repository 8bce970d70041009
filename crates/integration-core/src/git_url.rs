//! Repository URLs: the form that is written and the form that is compared (API-168, GRX-6, D-27).

/// The form that is written (API-168, TR-19): ends with `.git`.
pub fn written_form(url: &str) -> String {
    let stem = url.strip_suffix(".git").or_else(|| url.strip_suffix('/')).unwrap_or(url);
    format!("{stem}.git")
}

/// The form that is compared (GRX-6): scheme and host in lower case, without userinfo, default port, one trailing `/`
/// and one `.git`; on github.com the path in lower case too. `None` unless the URL has scheme and host.
pub fn comparison_form(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let valid_scheme = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        "ssh" => ":22",
        "git" => ":9418",
        _ => ":",
    };
    let host = host.strip_suffix(port).or_else(|| host.strip_suffix(':')).unwrap_or(&host);
    if !valid_scheme || host.is_empty() || host.starts_with(':') {
        return None;
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_suffix(".git").unwrap_or(path);
    let path = if host == "github.com" { path.to_ascii_lowercase() } else { path.to_owned() };
    Some(format!("{scheme}://{host}{path}"))
}

/// Whether two URLs name the same repository. A text without scheme and host names none.
pub fn same_repository(one: &str, other: &str) -> bool {
    comparison_form(one).is_some_and(|one| comparison_form(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    // API-168, TR-19; 01 §9 row 57
    #[rstest]
    #[case("https://x/y", "https://x/y.git")]
    #[case("https://x/y/", "https://x/y.git")]
    #[case("https://x/y//", "https://x/y/.git")]
    #[case("https://x/y.git", "https://x/y.git")]
    #[case("x.git/", "x.git.git")]
    #[case("", ".git")]
    fn api_168_written_form(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(written_form(url), expected);
    }

    #[rstest]
    #[case("https://gitlab.example.com/Group/Repo", Some("https://gitlab.example.com/Group/Repo"))]
    #[case("HTTPS://GitLab.Example.com/Group/Repo.git/", Some("https://gitlab.example.com/Group/Repo"))]
    #[case("https://user:p@ss@host/r", Some("https://host/r"))]
    #[case("https://host:443/r", Some("https://host/r"))]
    #[case("http://host:80/r", Some("http://host/r"))]
    #[case("ssh://git@host:22/o/r.git", Some("ssh://host/o/r"))]
    #[case("https://host:8443/r", Some("https://host:8443/r"))]
    #[case("http://host:443/r", Some("http://host:443/r"))]
    #[case("https://host:/r", Some("https://host/r"))]
    #[case("https://host", Some("https://host"))]
    #[case("https://host/", Some("https://host"))]
    #[case("https://github.com/Org/Repo", Some("https://github.com/org/repo"))]
    #[case("https://GitHub.com:443/Org/Repo.git", Some("https://github.com/org/repo"))]
    #[case("https://host/r.git.git", Some("https://host/r.git"))]
    #[case("https://host/r//", Some("https://host/r/"))]
    #[case("git@github.com:org/repo.git", None)]
    #[case("/org/repo", None)]
    #[case("https:///repo", None)]
    #[case("https://user@/repo", None)]
    #[case("https://:443/repo", None)]
    #[case("://host/repo", None)]
    #[case("1http://host/repo", None)]
    #[case("", None)]
    fn grx_6_comparison_form(#[case] url: &str, #[case] expected: Option<&str>) {
        assert_eq!(comparison_form(url).as_deref(), expected);
    }

    // D-27
    #[rstest]
    #[case("https://github.com/o/r", "https://github.com/O/R.git", true)]
    #[case("https://gitlab.com/o/r", "https://gitlab.com/O/r", false)]
    #[case("https://host/o/r", "https://host/o/r2", false)]
    #[case("https://host/o/r", "http://host/o/r", false)]
    #[case("o/r", "o/r", false)]
    #[case("", "", false)]
    fn grx_6_same_repository(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
        assert_eq!(same_repository(one, other), same);
        assert_eq!(same_repository(other, one), same);
    }

    proptest! {
        #[test]
        fn grx_6_never_panics(url in "\\PC{0,60}", near in "[a-zA-Z0-9:/@.?#-]{0,40}") {
            let _ = written_form(&url);
            let _ = comparison_form(&url);
            let _ = comparison_form(&format!("https://{near}"));
        }

        #[test]
        fn grx_6_spellings_of_one_repository_are_equal(
            host in "[a-z]{1,8}\\.[a-z]{2,3}", path in "(/[A-Za-z0-9_-]{1,8}){1,3}",
            user in "([a-z]{1,4}@)?", port in "(:443)?", end in "(/|\\.git|\\.git/)?",
        ) {
            let plain = format!("https://{host}{path}");
            let other = format!("HTTPS://{user}{}{port}{path}{end}", host.to_uppercase());
            prop_assert!(same_repository(&plain, &other), "{plain} {other}");
            prop_assert!(same_repository(&written_form(&plain), &other), "{plain} {other}");
        }
    }
}
