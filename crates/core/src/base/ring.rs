//! Rings among things that come after each other.

use std::collections::BTreeMap;

/// A way from one thing back to itself, its first again at the end, if there is one. `unseen` has the name of each, and
/// those that it comes after.
pub(crate) fn ring<K: Ord + Copy, N: Copy>(mut unseen: BTreeMap<K, (N, Vec<K>)>) -> Option<Vec<N>> {
    // Each of these comes after the next one. It keeps those of its others that were not followed yet.
    let mut way: Vec<(K, (N, Vec<K>))> = Vec::new();
    while let Some(first) = unseen.pop_first() {
        way.push(first);
        while let Some((_, (_, others))) = way.last_mut() {
            let Some(other) = others.pop() else {
                way.pop();
                continue;
            };
            if let Some(next) = unseen.remove_entry(&other) {
                way.push(next);
            } else if let Some(start) = way.iter().position(|(key, _)| *key == other) {
                let ring = way[start..].iter().chain([&way[start]]);
                return Some(ring.map(|(_, (name, _))| *name).collect());
            }
        }
    }
    None
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_found_whole_and_nothing_else_is_one() {
        let after = |edges: &[(u32, &[u32])]| {
            let named = edges
                .iter()
                .map(|(key, others)| (*key, (*key, others.to_vec())));
            ring(named.collect())
        };
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[(1, &[]), (2, &[1]), (3, &[1, 2])]), None);
        assert_eq!(after(&[(1, &[7])]), None, "one that is not known");
        assert_eq!(after(&[(1, &[1])]), Some(vec![1, 1]));
        // Found from outside of it, of which nothing is in it.
        assert_eq!(
            after(&[(0, &[2]), (1, &[3]), (2, &[1]), (3, &[2])]),
            Some(vec![2, 1, 3, 2])
        );
    }
}
