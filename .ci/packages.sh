# The packages that are published, made and unpacked, so that each is built without the tree around it.
# Steps call these functions, which `set -e` does not stop then: each line says itself what follows from its failure.

packed=$PWD/target/packages

# published TREE WORKSPACE: the manifests of the packages that are published, of the main workspace or the engines'.
published() {
    case $2 in
    main) grep -L '^publish = false' "$1"/crates/*/Cargo.toml "$1"/flavours/*/Cargo.toml ;;
    engines) grep -L '^publish = false' "$1"/engines/*/Cargo.toml ;;
    esac
}

# named MANIFEST...: the names of their packages.
named() {
    local manifest
    for manifest in "$@"; do sed -n 's/^name = "\(.*\)"$/\1/p' "$manifest" | head -n 1; done
}

# names TREE WORKSPACE: the names of the packages that are published.
names() { named $(published "$1" "$2"); }

# libraries TREE WORKSPACE: the names of those that programs depend on.
libraries() {
    local manifest
    for manifest in $(published "$1" "$2"); do
        [ ! -e "${manifest%/*}/src/lib.rs" ] || named "$manifest"
    done
}

# version: what the packages' version is.
version() { sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1; }

# Makes all packages, and unpacks those of each workspace into a workspace of their own. In these they find each other as if
# all of them were on crates.io already. Made in a copy of the tree, as cargo writes what it found into Cargo.lock.
packs_made=
pack() {
    local workspace name
    [ -z "$packs_made" ] || return 0
    rm -rf "$packed/tree" "$packed/main" "$packed/engines"
    mkdir -p "$packed/tree" && printf '[patch.crates-io]\n' >"$packed/patch.toml" || return 1
    git ls-files -z --cached --others --exclude-standard | tar --null -cT - | tar -xC "$packed/tree" || return 1
    for workspace in main engines; do
        pack_workspace "$workspace" $(names . "$workspace") || return 1
        for name in $(names . "$workspace"); do
            printf '%s = { path = "%s/%s/%s" }\n' "$name" "$packed" "$workspace" "$name" >>"$packed/patch.toml"
        done
        { printf '[workspace]\nresolver = "3"\nmembers = ["*"]\n\n'; cat "$packed/patch.toml"; } \
            >"$packed/$workspace/Cargo.toml" || return 1
    done
    packs_made=yes
}

pack_workspace() {
    local workspace=$1 folder=$packed/tree options=() name crate
    shift
    for name in "$@"; do options+=(-p "$name"); done
    # The engines' packages need those of the main workspace.
    [ "$workspace" = main ] || { folder+=/engines; options+=(--config "$packed/patch.toml"); }
    # Built later.
    (cd "$folder" && cargo package --quiet --no-verify --allow-dirty --target-dir "$packed/made" "${options[@]}") || return 1
    mkdir -p "$packed/$workspace" && cp "$folder/Cargo.lock" "$packed/$workspace" || return 1
    for name in "$@"; do
        crate=$packed/made/package/$name-$(version).crate
        # As new, or the builds of another time would do.
        tar -xzmf "$crate" -C "$packed/$workspace" || return 1
        mv "$packed/$workspace/$name-$(version)" "$packed/$workspace/$name" || return 1
    done
}

# Sources, front page, licences, and what cargo puts there; no more.
packed_well() {
    local folder file faults=0
    for folder in "$packed"/main/*/ "$packed"/engines/*/; do
        for file in README.md LICENSE-MIT LICENSE-APACHE Cargo.toml; do
            [ -s "$folder$file" ] || { printf '%s lacks %s\n' "$folder" "$file"; faults=1; }
        done
        while IFS= read -r file; do
            printf '%s has %s\n' "$folder" "$file"
            faults=1
        done < <(cd "$folder" && find . -type f | grep -vE '^\./(Cargo\.(toml|toml\.orig|lock)|README\.md|LICENSE-(MIT|APACHE)|\.cargo_vcs_info\.json|src/.+)$')
        printf '%-18s %5d kB\n' "$(basename "$folder")" "$(du -sk --apparent-size "$folder" | cut -f 1)"
    done
    return "$faults"
}

# in_packed WORKSPACE COMMAND...: runs cargo there.
in_packed() { (cd "$packed/$1" && CARGO_TARGET_DIR="$packed/build" cargo "${@:2}"); }

# One at a time, as one package's features would be another's.
packed_build() {
    local workspace name
    for workspace in main engines; do
        for name in $(names . "$workspace"); do
            printf '%s\n' "$name"
            in_packed "$workspace" build --quiet -p "$name" || return 1
        done
    done
}

# What docs.rs does: nightly, the metadata that all of them have in common (as a test of the manifests sees), and the package
# alone. Here a warning, such as that of a broken link, is an error.
packed_docs() {
    local workspace name
    for workspace in main engines; do
        for name in $(libraries . "$workspace"); do
            printf '%s\n' "$name"
            in_packed "$workspace" +nightly rustdoc --quiet -p "$name" --lib --all-features -- --cfg docsrs -D warnings ||
                return 1
        done
    done
}
