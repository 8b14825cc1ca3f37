//! Names that are derived.

use super::*;

#[test]
fn a_type_gives_its_name() {
    for (type_name, name) in [
        ("a::b::Beat", "beat"),
        ("a::HttpServer<a::b::Beat>", "http_server"),
        ("a::HTTPServer", "http_server"),
        ("Beat2", "beat2"),
        ("a::status_page", "status_page"),
    ] {
        assert_eq!(of_type(type_name).as_deref(), Some(name));
    }
    for nameless in ["a::main::{{closure}}", "a::FnService<a::b::Beat>"] {
        assert_eq!(of_type(nameless), None, "{nameless}");
    }
}

#[test]
fn a_name_has_its_place_in_a_series() {
    for (name, expected) in [
        ("beat", ("beat", 1)),
        ("beat#2", ("beat", 2)),
        ("beat#10", ("beat", 10)),
        ("a#2#3", ("a#2", 3)),
        ("#2", ("", 2)),
    ] {
        assert_eq!(parts(name), expected);
    }
    // What is never derived is a name like any other.
    for whole in [
        "beat#1",
        "beat#0",
        "beat#02",
        "beat#+2",
        "beat#",
        "beat#x",
        "beat#18446744073709551616",
    ] {
        assert_eq!(parts(whole), (whole, 1));
    }
}
