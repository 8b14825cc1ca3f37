//! The guide: a book in Markdown, whose programs are the examples of this crate's documentation, so that `cargo test` compiles
//! and runs each of them. `tests/pages.rs` holds this list, the summary and the links together.
#![forbid(unsafe_code)]

macro_rules! chapters {
    ($($name:ident = $page:literal,)+) => {
        $(
            #[doc = include_str!(concat!("src/", $page))]
            mod $name {}
        )+
    };
}

chapters! {
    introduction = "introduction.md",
    first_daemon = "first-daemon.md",
    flavours = "flavours.md",
    payloads = "payloads.md",
    services = "services.md",
    groups = "groups.md",
    stopping = "stopping.md",
    reload = "reload.md",
    failures = "failures.md",
    looking_inside = "looking-inside.md",
    recipes_http_server = "recipes/http-server.md",
    recipes_blocking_code = "recipes/blocking-code.md",
    recipes_tokio_daemon = "recipes/tokio-daemon.md",
    recipes_cpu_and_io = "recipes/cpu-and-io.md",
    recipes_bounded_pool = "recipes/bounded-pool.md",
    recipes_producer_consumers = "recipes/producer-consumers.md",
    recipes_configuration = "recipes/configuration.md",
    recipes_tracing = "recipes/tracing.md",
    recipes_systemd = "recipes/systemd.md",
    recipes_kubernetes = "recipes/kubernetes.md",
    recipes_containers = "recipes/containers.md",
    recipes_metrics = "recipes/metrics.md",
    recipes_child_processes = "recipes/child-processes.md",
    recipes_owning_main = "recipes/owning-main.md",
    recipes_replicas = "recipes/replicas.md",
    recipes_testing = "recipes/testing.md",
    recipes_own_flavour = "recipes/own-flavour.md",
    from_cobald = "from/cobald.md",
    from_tokio_graceful_shutdown = "from/tokio-graceful-shutdown.md",
    from_supervisor_trees = "from/supervisor-trees.md",
    comparison = "comparison.md",
    platforms = "platforms.md",
    limits = "limits.md",
    questions = "questions.md",
}
