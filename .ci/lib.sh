# What the scripts here share: steps, and what to do where something cannot be had.
export CARGO_TERM_COLOR=never

# The examples that end by themselves, and well.
ending_examples=(call_across custom_flavour execute from_config hello inside_tokio reload restart supervisor_tree tcp_server)

skipped=()
# Whether something did not run that has to.
missed=0

# step TITLE COMMAND...: runs one step, and says how long it took.
step() {
    local title=$1 start=$SECONDS status=0
    shift
    printf '\n==> %s\n' "$title"
    "$@" || status=$?
    if [ "$status" -ne 0 ]; then
        printf '==> %s: FAILED with status %d after %d s\n' "$title" "$status" $((SECONDS - start))
        exit "$status"
    fi
    printf '==> %s: passed in %d s\n' "$title" $((SECONDS - start))
}

# within SECONDS COMMAND...: runs a command that may hang without a network, for a limited time.
within() {
    if command -v timeout >/dev/null; then timeout "$@"; else "${@:2}"; fi
}

# skip TITLE REASON...: says loudly that a step did not run.
skip() {
    local title=$1 line
    shift
    skipped+=("$title")
    printf '\n%s\n!! %s DID NOT RUN\n' '!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!' "$title"
    for line in "$@"; do printf '!! %s\n' "$line"; done
    printf '%s\n' '!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!'
}

# miss TITLE REASON...: the same of a step that has to run, without which `finish` fails.
miss() {
    missed=1
    skip "$@"
}

# finish: says that all is well, and what did not run; fails if something did not that has to.
finish() {
    printf '\nAll steps that ran passed in %d s' "$SECONDS"
    if [ "${#skipped[@]}" -gt 0 ]; then
        printf '; did not run:'
        printf ' [%s]' "${skipped[@]}"
    fi
    printf '.\n'
    if [ "$missed" -ne 0 ]; then
        printf '==> FAILED, as something did not run that has to.\n'
        return 1
    fi
}

# have_toolchain NAME: whether that toolchain is there, or can be had.
have_toolchain() {
    rustup run "$1" rustc --version >/dev/null 2>&1 ||
        within 180 rustup toolchain install "$1" --profile minimal --no-self-update >/dev/null 2>&1
}

# have_target TARGET: whether the standard library for that target is there, or can be had.
have_target() {
    rustup target list --installed 2>/dev/null | grep -qx "$1" ||
        within 180 rustup target add "$1" >/dev/null 2>&1
}

# have_nightly COMPONENT...: the same for nightly with those components.
have_nightly() {
    have_toolchain nightly &&
        within 120 rustup component add --toolchain nightly "$@" >/dev/null 2>&1
}

# have_tool NAME VERSION: whether that version of a program from crates.io is in target/tools, or can be had. They run for
# seconds, so they are built for little time.
have_tool() {
    local root=$PWD/target/tools program=$PWD/target/tools/bin/$1 log=$PWD/target/tools/$1.log
    "$program" --version 2>/dev/null | grep -qE "( |v)${2//./\\.}( |$)" && return
    mkdir -p "$root"
    printf '\n==> installing %s %s\n' "$1" "$2"
    # Away from the workspace, whose settings are not its own.
    (
        cd "$root"
        CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
            CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_TARGET_DIR="$root/build" \
            within 2400 cargo install --locked --root "$root" "$1@$2"
    ) >"$log" 2>&1 || { tail -n 5 "$log"; return 1; }
    rm -rf "$root/build"
    "$program" --version
}

have_miri() {
    have_nightly miri rust-src && within 300 cargo +nightly miri setup >/dev/null 2>&1
}

# program_of NAME...: the path of the first of these that is there.
program_of() {
    local name
    for name in "$@"; do command -v "$name" && return; done
    return 1
}

# Debian has these under several names, and not always on the path.
wine_program() { program_of wine64 wine64-stable wine /usr/lib/wine/wine64 /usr/lib/wine/wine; }
wine_server() { program_of wineserver wineserver-stable /usr/lib/wine/wineserver64 /usr/lib/wine/wineserver; }

# have_wine: whether Wine, and what links programs for it, is there or can be had.
have_wine() {
    is_there() { wine_program && wine_server && program_of x86_64-w64-mingw32-gcc; } >/dev/null
    have_target x86_64-pc-windows-gnu || return
    is_there && return
    command -v apt-get >/dev/null || return
    {
        within 300 apt-get update
        DEBIAN_FRONTEND=noninteractive within 600 apt-get install -y --no-install-recommends \
            wine64 gcc-mingw-w64-x86-64
    } >/dev/null 2>&1 || true
    is_there
}

# have_engines: whether the servers of engines, and what their clients are built with, are there or can be had.
have_engines() {
    local there='command -v etcd && command -v protoc && ls /usr/lib/postgresql/*/bin/postgres'
    bash -c "$there" >/dev/null 2>&1 && return
    command -v apt-get >/dev/null || return
    {
        within 300 apt-get update
        DEBIAN_FRONTEND=noninteractive within 600 apt-get install -y --no-install-recommends \
            etcd-server postgresql protobuf-compiler faketime
    } >/dev/null 2>&1 || true
    bash -c "$there" >/dev/null 2>&1
}

# in_engines COMMAND...: runs cargo in the workspace of the engines, whose tests must find their servers.
in_engines() {
    (cd engines && FOSTER_ENGINES=must CARGO_TARGET_DIR=../target/engines cargo "$@")
}
