//! What must not compile, and the sentences of ours that say why. Rows A2, A4, V1 and the keys' types.
//!
//! Each case is a program of its own in a scratch package. The compiler's own words change from
//! version to version, so only ours are looked for. It is that of this system, which a test under Wine
//! does not have.
#![cfg(not(windows))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A case: its name, the statement that must not compile, and what the error must say.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "value_from_adopted_coroutine",
        "runtime.adopt(Smol, || async { 7_i32 }).unwrap();",
        &[
            "a payload that is adopted must not return `i32`",
            "use `execute` (blocks) or `call` (a future)",
        ],
    ),
    (
        "value_from_adopted_subroutine",
        "runtime.adopt(Thread, || String::new()).unwrap();",
        &["a payload that is adopted must not return `String`"],
    ),
    (
        "value_in_a_result",
        "runtime.adopt(Thread, || Ok::<i32, String>(7)).unwrap();",
        &[
            "a payload that is adopted must not return `Result<i32, _>`",
            "end the payload in `Ok(())`",
        ],
    ),
    (
        "async_payload_on_threads",
        "runtime.adopt(Thread, || async {}).unwrap();",
        &["did you mean an async flavour?"],
    ),
    (
        "blocking_payload_on_an_async_flavour",
        "runtime.adopt(Smol, || ()).unwrap();",
        &[
            "the payload of an async flavour must make a future",
            "`Thread`",
        ],
    ),
    (
        "blocking_payload_executed_on_an_async_flavour",
        "runtime.execute(Smol, || 7).unwrap();",
        &["the payload of an async flavour must make a future"],
    ),
    (
        "a_name_is_no_key",
        r#"runtime.adopt("smol", || async {}).unwrap();"#,
        &["does not say which flavour to use", "runtime.flavour(name)"],
    ),
];

/// Cases of services: items beside `main`.
const SERVICES: &[(&str, &str, &[&str])] = &[
    (
        "async_service_on_threads",
        "struct Beat; #[service(flavour = Thread)] impl Beat { async fn run(&self) {} }",
        &[
            "does not fit a flavour of `Subroutine`s",
            "an `async fn` does not run there",
        ],
    ),
    (
        "blocking_service_on_an_async_flavour",
        "struct Beat; #[service(flavour = Smol)] impl Beat { fn run(&self) -> Result<(), String> { Ok(()) } }",
        &[
            "does not fit a flavour of `foster::Coroutine`s",
            "write `async fn run(&self)`",
        ],
    ),
    (
        "blocking_function_on_an_async_flavour",
        "#[service(flavour = Smol)] fn beat() {}",
        &["does not fit a flavour of `foster::Coroutine`s"],
    ),
    (
        "async_service_by_hand_on_threads",
        "struct Beat; impl foster::Service for Beat { type Flavour = Thread; \
         fn flavour(&self) -> Thread { Thread } async fn run(&self) {} }",
        &[
            "does not fit a flavour of `Subroutine`s",
            "an `async fn` does not run there",
        ],
    ),
    (
        "value_from_a_service",
        "#[service(flavour = Smol)] async fn beat() -> i32 { 7 }",
        &["a service must not return `i32`"],
    ),
    (
        "service_without_a_run",
        "struct Beat; #[service(flavour = Smol)] impl Beat { async fn go(&self) {} }",
        &["a service needs a `run`"],
    ),
    (
        "service_without_a_flavour",
        "struct Beat; #[service] impl Beat { async fn run(&self) {} }",
        &["a service needs a flavour"],
    ),
    (
        "unknown_option",
        "#[service(flavour = Smol, color = 1)] async fn beat() {}",
        &["a service has no option `color`", "`restart`"],
    ),
    (
        "unknown_restart",
        r#"#[service(flavour = Smol, restart = "sometimes")] async fn beat() {}"#,
        &["`restart` is \"never\", \"on-failure\", \"always\""],
    ),
    (
        "run_with_arguments",
        "struct Beat; #[service(flavour = Smol)] impl Beat { async fn run(&self, every: u32) {} }",
        &["takes nothing but `&self`"],
    ),
    (
        "run_that_changes",
        "struct Beat; #[service(flavour = Smol)] impl Beat { async fn run(&mut self) {} }",
        &["the same value may run again"],
    ),
    (
        "function_with_arguments",
        "#[service(flavour = Smol)] async fn beat(every: u32) {}",
        &["a function that is a service takes nothing"],
    ),
    (
        "constant_as_a_flavour_without_its_type",
        r#"const IO: Instance<Smol> = Instance::new(Smol, "smol::io"); \
           #[service(flavour = IO)] async fn beat() {}"#,
        &["add it, as in `flavour = IO, key = Instance<Smol>`"],
    ),
    (
        "linked_type",
        "struct Beat; #[service(flavour = Smol, linked)] impl Beat { async fn run(&self) {} }",
        &["only free functions can be `linked`"],
    ),
    (
        "attribute_on_a_struct",
        "#[service(flavour = Smol)] struct Beat;",
        &["stands on an `impl` block with a `run`, or on a free function"],
    ),
    (
        "no_service",
        "fn serve(runtime: &Runtime) { let _ = runtime.serve(7); }",
        &["`{integer}` is no service"],
    ),
    (
        "function_without_the_attribute",
        "async fn beat() {} fn serve(runtime: &Runtime) { let _ = runtime.serve(beat); }",
        &["is no service", "put `#[service(flavour = …)]`"],
    ),
    (
        "service_that_is_not_sync_on_several_threads",
        "struct Beat(std::cell::Cell<u32>); #[service(flavour = TokioMultiThread::new())] \
         impl Beat { async fn run(&self) {} } fn serve(runtime: &Runtime, beat: Beat) { let _ = runtime.serve(beat); }",
        &["cannot be"],
    ),
];

/// Cases of which the compiler says one thing, which is ours: items, and what is handed in.
const ALONE: &[(&str, &str, &str, &str)] = &[
    (
        "plain_async_function",
        "async fn beat() {}",
        "beat",
        "is no service",
    ),
    (
        "plain_function",
        "fn beat() -> Result<(), String> { Ok(()) }",
        "beat",
        "is no service",
    ),
    ("plain_closure", "", "|| async {}", "is no service"),
    (
        "plain_value",
        "struct Beat;",
        "Beat",
        "`Beat` is no service",
    ),
    (
        "refused_option_of_a_function",
        "#[service(flavour = Smol, color = 1)] async fn beat() {}",
        "beat",
        "a service has no option `color`",
    ),
    (
        "refused_option_of_a_type",
        "struct Beat<T>(T); #[service(flavour = Smol, color = 1)] impl<T: Sync + 'static> Beat<T> { async fn run(&self) {} }",
        "Beat(1)",
        "a service has no option `color`",
    ),
    (
        "refused_option_beside_a_path",
        "struct Beat; #[service(flavour = Smol, color = 1, crate = ::foster)] impl Beat { async fn run(&self) {} }",
        "Beat",
        "a service has no option `color`",
    ),
    (
        "refused_function",
        "#[service(flavour = Smol)] pub async fn beat(every: u32) -> Result<(), String> { Ok(()) }",
        "beat",
        "a function that is a service takes nothing",
    ),
    (
        "refused_run",
        "struct Beat; #[service(flavour = Smol)] impl Beat { async fn run(&mut self) {} }",
        "Beat",
        "the same value may run again",
    ),
    (
        "refused_struct",
        "#[service(flavour = Smol)] struct Beat; impl Beat { async fn run(&self) {} }",
        "Beat",
        "stands on an `impl` block with a `run`, or on a free function",
    ),
    (
        "refused_enum",
        "#[service(flavour = Smol)] enum Beat { One } impl Beat { async fn run(&self) {} }",
        "Beat::One",
        "stands on an `impl` block with a `run`, or on a free function",
    ),
    (
        "refused_trait_implementation",
        "struct Beat; #[service(flavour = Smol)] impl foster::Service for Beat { type Flavour = Smol; \
         fn flavour(&self) -> Smol { Smol } async fn run(&self) {} }",
        "Beat",
        "it implements `Service` itself",
    ),
    (
        "empty_name_of_a_function",
        r#"#[service(flavour = Smol, name = "")] async fn beat() {}"#,
        "beat",
        "the name of a service is not empty",
    ),
    (
        "empty_name_of_a_type",
        r#"struct Beat; #[service(flavour = Smol, name = "")] impl Beat { async fn run(&self) {} }"#,
        "Beat",
        "the name of a service is not empty",
    ),
];

/// Cases that the compiler explains well enough by itself: what counts is that they are refused.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "closure_that_is_not_send",
        "let shared = std::rc::Rc::new(1); runtime.adopt(Smol, move || async move { drop(shared) }).unwrap();",
        "cannot be sent between threads safely",
    ),
    (
        "future_that_is_not_send_on_several_threads",
        "runtime.adopt(TokioMultiThread::new(), || async { let held = std::rc::Rc::new(1); \
         std::future::ready(()).await; drop(held); }).unwrap();",
        "cannot be sent between threads safely",
    ),
    (
        "value_that_is_not_send",
        "runtime.execute(Smol, || async { std::rc::Rc::new(1) }).unwrap();",
        "cannot be sent between threads safely",
    ),
    (
        "borrowed_payload",
        "let text = String::new(); runtime.adopt(Thread, || drop(text.len())).unwrap();",
        "may outlive",
    ),
    (
        "identifier_that_is_no_path",
        r#"const BAD: Instance<Smol> = Instance::new(Smol, "not a path"); runtime.adopt(BAD, || async {}).unwrap();"#,
        "a flavour's identifier is a module path",
    ),
];

#[test]
fn a4_what_must_not_compile_does_not_and_says_why() {
    let package = scratch("compile_fail");
    // Were the scratch package itself broken, everything in it would fail to compile.
    let (compiles, output) = check(
        &package,
        "well_formed",
        "runtime.adopt(Smol, || async {}).unwrap();",
        "#[service(flavour = Smol)] async fn beat() {}",
    );
    assert!(compiles, "{output}");

    let refused = REFUSED
        .iter()
        .map(|(name, code, text)| (*name, *code, std::slice::from_ref(text)));
    let mut silent = Vec::new();
    let services = SERVICES.iter().map(|case| (case, true));
    let payloads: Vec<_> = CASES.iter().copied().chain(refused).collect();
    let payloads = payloads.iter().map(|case| (case, false));
    for ((name, code, texts), is_item) in payloads.chain(services) {
        let (compiles, output) = check(
            &package,
            name,
            if is_item { "" } else { code },
            if is_item { code } else { "" },
        );
        assert!(!compiles, "`{code}` compiles");
        for text in *texts {
            if !flat(&output).contains(text) {
                silent.push(format!("`{name}` does not say `{text}`:\n{output}"));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn v1_a_value_that_is_no_service_is_told_once() {
    let package = scratch("compile_fail_alone");
    let mut wrong = Vec::new();
    for (name, items, value, text) in ALONE {
        let code = format!("let _ = runtime.serve({value});");
        let (compiles, output) = check(&package, name, &code, items);
        assert!(!compiles, "`{items}` compiles");
        let errors: Vec<_> = output
            .lines()
            .filter(|line| line.starts_with("error") && !line.contains("could not compile"))
            .collect();
        if errors.len() != 1 || !errors[0].contains(text) {
            wrong.push(format!("`{name}` does not say `{text}` alone:\n{output}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A package of its own that depends on Foster, with nothing in it yet.
fn scratch(name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(package.join("src"));
    fs::create_dir_all(package.join("src/bin")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::write(
        package.join("Cargo.toml"),
        format!(
            "[package]\nname = \"compile-fail\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\nfoster = {{ path = {:?}, features = [\"full\"] }}\n\
             [workspace]\n",
            root.join("crates/foster")
        ),
    )
    .unwrap();
    // The same versions as everywhere, which are here already.
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    package
}

fn check(package: &Path, name: &str, code: &str, items: &str) -> (bool, String) {
    let program = format!(
        "#![allow(unused)]\nuse foster::{{Instance, Runtime, Smol, Thread, TokioMultiThread, service}};\n\
         {items}\nfn main() {{\n    let runtime = Runtime::new();\n    {code}\n}}\n"
    );
    fs::write(package.join(format!("src/bin/{name}.rs")), program).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--bin", name])
        .current_dir(package)
        .env(
            "CARGO_TARGET_DIR",
            package.with_file_name("compile_fail_target"),
        )
        .env("CARGO_TERM_COLOR", "never")
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// The text without the line breaks and margins that the compiler's window asks for.
fn flat(text: &str) -> String {
    text.split_whitespace()
        .filter(|word| *word != "|")
        .collect::<Vec<_>>()
        .join(" ")
}
