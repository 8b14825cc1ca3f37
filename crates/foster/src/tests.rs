//! That the facade lists what is compiled in.

use super::*;

#[test]
fn all_lists_what_is_compiled_in() {
    let keys = all();
    let listed: Vec<_> = keys.iter().map(|key| key.identifier().as_str()).collect();
    let expected: Vec<_> = [
        ("smol", cfg!(feature = "smol")),
        ("tokio", cfg!(feature = "tokio")),
        ("tokio::multi_thread", cfg!(feature = "tokio")),
        ("std::thread", cfg!(feature = "thread")),
    ]
    .into_iter()
    .filter_map(|(identifier, is_on)| is_on.then_some(identifier))
    .collect();
    assert_eq!(listed, expected);
}
