//! Between bytes and code points, in one pass over the text.

/// The byte at which each code point of `sorted` begins (ascending, repeats allowed). The number of code points of
/// the text is its end; `None` where an offset is greater.
pub fn byte_offsets(text: &str, sorted: &[usize]) -> Option<Vec<usize>> {
    let mut at = text.char_indices().map(|(byte, _)| byte).chain(std::iter::once(text.len())).enumerate();
    let mut now = at.next();
    let mut bytes = Vec::with_capacity(sorted.len());
    for &wanted in sorted {
        while now.is_some_and(|(code_point, _)| code_point < wanted) {
            now = at.next();
        }
        bytes.push(now.filter(|(code_point, _)| *code_point == wanted)?.1);
    }
    Some(bytes)
}

/// How many code points stand before each byte of `sorted` (ascending, repeats allowed). `None` where an offset is
/// outside the text, or inside a character.
pub fn code_point_offsets(text: &str, sorted: &[usize]) -> Option<Vec<usize>> {
    let (mut byte, mut code_points) = (0, 0);
    let mut out = Vec::with_capacity(sorted.len());
    for &wanted in sorted {
        code_points += text.get(byte..wanted)?.chars().count();
        byte = wanted;
        out.push(code_points);
    }
    Some(out)
}
