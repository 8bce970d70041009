//! Which slot a namespace belongs to: its FNV-1a 64 hash, spread, in as many equal ranges as there are slots.

/// The slot of a namespace, below `slots`.
pub(super) fn slot_of(namespace: &str, slots: usize) -> usize {
    let scaled = u128::from(spread(fnv1a(namespace.as_bytes()))) * (slots as u128);
    usize::try_from(scaled >> 64).unwrap_or_default()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// FNV-1a leaves the upper bits of short, similar names alike, and ranges look at the upper bits.
fn spread(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_64() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn one_slot_has_every_namespace() {
        assert!((0..500).all(|n| slot_of(&format!("tenant-{n}"), 1) == 0));
    }

    #[test]
    fn several_slots_share_the_namespaces() {
        let mut counts = [0; 4];
        for n in 0..1000 {
            counts[slot_of(&format!("tenant-{n}"), 4)] += 1;
        }
        assert!(counts.iter().all(|count| *count > 150), "{counts:?}");
    }
}
