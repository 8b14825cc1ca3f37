# The public API: as it is, as the texts in `api` say, and as the last tag had it.
# Steps call these functions, which `set -e` does not stop then: each line says itself what follows from its failure.

api=$PWD/target/api

# What writes the JSON of rustdoc: one release of Rust, so that the texts are the same everywhere. A format like this has no
# promise, so it is behind a flag of nightly, which RUSTC_BOOTSTRAP allows for our crates alone.
api_rust=1.95.0
# api_of TREE NAME: writes what rustdoc knows of each library in that tree, into a folder of that name.
api_of() {
    local tree=$1 out=$api/$2 workspace folder options name crates
    rm -rf "$out" && mkdir -p "$out" || return 1
    crates=$({ libraries "$tree" main; libraries "$tree" engines; } | tr '\n-' ',_')
    for workspace in main engines; do
        folder=$tree
        [ "$workspace" = main ] || folder=$tree/engines
        options=()
        for name in $(libraries "$tree" "$workspace"); do options+=(-p "$name"); done
        # What was written before may be that of another time.
        rm -rf "$api/$2-build/doc"
        (
            cd "$folder" && RUSTC_BOOTSTRAP="$crates" CARGO_TARGET_DIR="$api/$2-build" \
                RUSTDOCFLAGS='-Z unstable-options --output-format json --cap-lints allow' \
                cargo "+$api_rust" doc --quiet --locked --no-deps --lib --all-features "${options[@]}"
        ) || return 1
        mv "$api/$2-build"/doc/*.json "$out" || return 1
    done
}

# text_of CRATE: what of that is public, one item a line. Not what the compiler makes by itself.
text_of() { target/tools/bin/cargo-public-api -ss --rustdoc-json "$1"; }

# Compares each with its text, and shows what is different.
api_compared() {
    local name faults=0
    for name in $(libraries . main; libraries . engines); do
        text_of "$api/now/${name//-/_}.json" >"$api/now/$name.txt" || return 1
        diff -u "api/$name.txt" "$api/now/$name.txt" || faults=1
    done
    [ "$faults" -eq 0 ] || printf 'The public API has changed: `.ci/release api` writes it down; CHANGELOG.md says it.\n'
    return "$faults"
}

api_written() {
    local name
    rm -f api/*.txt && mkdir -p api || return 1
    for name in $(libraries . main; libraries . engines); do
        text_of "$api/now/${name//-/_}.json" >"api/$name.txt" || return 1
    done
}

# last_tag: the last release before this one. It is none of this version if that is what stands here, about to be released.
last_tag() {
    local this except=()
    this=v$(version)
    [ "$(git rev-parse -q --verify "$this^{commit}" || true)" != "$(git rev-parse HEAD)" ] || except=(--exclude "$this")
    git describe --tags --abbrev=0 --match 'v[0-9]*' "${except[@]}" 2>/dev/null
}

# api_before TAG: the same as `api_of`, for the tree of that tag.
api_before() {
    rm -rf "$api/tree" && mkdir -p "$api/tree" || return 1
    git archive "$1" | tar -xmC "$api/tree" && api_of "$api/tree" before
}

# semver_kept TAG: whether what has changed is what the version allows.
semver_kept() {
    local file faults=0
    for file in "$api"/before/*.json; do
        file=$(basename "$file")
        printf '%s\n' "$file"
        [ -e "$api/now/$file" ] || { printf 'is not there any more\n'; faults=1; continue; }
        target/tools/bin/cargo-semver-checks semver-checks \
            --baseline-rustdoc "$api/before/$file" --current-rustdoc "$api/now/$file" || faults=1
    done
    # What a crate has from another is not in its own JSON.
    if ! raised "$1" && git diff --unified=0 "$1" -- api | grep '^-pub use '; then
        printf 'These names are not there any more, and the version is not raised enough.\n'
        faults=1
    fi
    return "$faults"
}

# raised TAG: whether the version may break what worked with that tag.
raised() {
    local before=${1#v} now
    now=$(version)
    case $before in
    0.*) [ "${before%.*}" != "${now%.*}" ] ;;
    *) [ "${before%%.*}" != "${now%%.*}" ] ;;
    esac
}

# section: what the changelog says of this version.
section() { awk -v version="$(version)" '/^## / { here = index($0, version) } here' CHANGELOG.md; }

# changes_told TAG: whether the changelog names each type, trait, macro and function of a module that is new or gone since then.
changes_told() {
    local name faults=0
    for name in $(
        git diff --unified=0 "$1" -- api |
            sed -nE -e 's/^[+-](#\[[^ ]*\] )*pub (unsafe )?(macro|mod|struct|enum|union|trait|type|static|use) ([a-z0-9_]+::)+([A-Za-z0-9_]+).*/\5/p' \
                -e 's/^[+-](#\[[^ ]*\] )*pub ((async|const|unsafe) )*fn ([a-z0-9_]+::)+([a-z0-9_]+)[<(].*/\5/p' | sort -u
    ); do
        section | grep -qwF "$name" || { printf 'CHANGELOG.md does not name %s\n' "$name"; faults=1; }
    done
    return "$faults"
}
