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
