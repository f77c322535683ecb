//! By how many slips of the keyboard do two words differ?
//!
//! Invariant: the distance is the same both ways, and a digit is never taken for another digit.

/// Characters that look alike in codes.
const ALIKE: [(char, char); 9] =
    [('0', 'o'), ('1', 'l'), ('1', 'i'), ('5', 's'), ('8', 'b'), ('2', 'z'), ('6', 'g'), ('0', 'q'), ('9', 'g')];

/// Slips allowed in a word of so many letters.
pub(super) fn allowed(letters: usize) -> usize {
    match letters {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words, up to `most` (Damerau 1964, the
/// restricted distance, each place edited once); nothing where there are more, or where digits would change.
pub(super) fn distance(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let far = most + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(if x.is_ascii_digit() { far } else { i + 1 });
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(far);
            let mut best = at(&above, j) + change(*x, *y, far);
            best = best.min(at(&above, j + 1) + drop(*x, far)).min(at(&row, j) + drop(*y, far));
            let swapped = j > 0 && i > 0 && b.get(j - 1) == Some(x) && a.get(i - 1) == Some(y) && x != y;
            if swapped && !(x.is_ascii_digit() && y.is_ascii_digit()) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best.min(far));
        }
        if row.iter().all(|n| *n > most) {
            return None;
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().filter(|n| *n <= most)
}

fn change(a: char, b: char, far: usize) -> usize {
    let alike = ALIKE.iter().any(|pair| *pair == (a, b) || *pair == (b, a));
    match (a == b, a.is_ascii_digit() || b.is_ascii_digit()) {
        (true, _) => 0,
        // Another number is another thing, not a slip.
        (false, true) if !alike => far,
        _ => 1,
    }
}

fn drop(c: char, far: usize) -> usize {
    if c.is_ascii_digit() { far } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: &str, b: &str) -> Option<usize> {
        let [a, b]: [Vec<char>; 2] = [a, b].map(|s| s.chars().collect());
        let there = distance(&a, &b, 2);
        assert_eq!(there, distance(&b, &a, 2));
        there
    }

    #[test]
    fn slips_are_counted() {
        assert_eq!(of("retrun", "return"), Some(1));
        assert_eq!(of("refnd", "refund"), Some(1));
        assert_eq!(of("warrenty", "warranty"), Some(1));
        assert_eq!(of("acomodation", "accommodation"), Some(2));
        assert_eq!(of("order", "order"), Some(0));
        assert_eq!(of("lamp", "table"), None);
    }

    #[test]
    fn numbers_are_not_slips() {
        assert_eq!(of("e1o4", "e104"), Some(1));
        assert_eq!(of("e105", "e104"), None);
        assert_eq!(of("e1045", "e104"), None);
        assert_eq!(of("x200-por", "x200-pro"), Some(1));
        assert_eq!(of("e140", "e104"), None);
    }
}
