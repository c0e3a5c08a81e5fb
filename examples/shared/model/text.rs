//! Words, sentences and their ranking: what the search over the material and the extracting model have in common.

use std::collections::HashMap;

/// BM25's saturation of repeated words, the usual value (Robertson and Zaragoza, 2009).
const BM25_K1: f64 = 1.2;
/// BM25's normalisation by length, the usual value.
const BM25_B: f64 = 0.75;
/// Shorter words carry no topic, `io` and `ui` aside.
const MIN_WORD_CHARS: usize = 2;

/// An ending is cut off only where this much remains: "ring" is no form of "r".
const MIN_STEM_CHARS: usize = 4;

/// Words that every text has and no topic means.
const STOP_WORDS: &[&str] = &[
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "do", "does", "for", "from", "has", "have", "how", "if", "in", "into", "is", "it", "its", "may", "more",
    "no", "not", "of", "on", "one", "only", "or", "our", "out", "rust", "so", "some", "such", "than", "that",
    "the", "their", "them", "then", "there", "these", "they", "this", "to", "use", "used", "using", "was",
    "we", "what", "when", "where", "which", "who", "why", "will", "with", "work", "works", "write",
    "writing", "you", "your",
];

/// The words of a text that can tell one topic from another, in order, in their common form.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= MIN_WORD_CHARS)
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .map(|word| common_form(&word))
        .collect()
}

/// Folds the endings that English adds, so that "cancel", "cancelled" and "cancellation" meet: enough for ranking, and
/// small enough to be read.
fn common_form(word: &str) -> String {
    const ENDINGS: [(&str, &str); 9] = [
        ("ations", ""),
        ("ation", ""),
        ("ies", "y"),
        ("ings", ""),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
        ("e", ""),
    ];
    for (ending, instead) in ENDINGS {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= MIN_STEM_CHARS
            && !(ending == "s" && stem.ends_with('s'))
        {
            return without_double_end(&format!("{stem}{instead}")).to_owned();
        }
    }
    without_double_end(word).to_owned()
}

/// "cancell" is "cancel".
fn without_double_end(stem: &str) -> &str {
    let mut from_the_end = stem.chars().rev();
    match (from_the_end.next(), from_the_end.next()) {
        (Some(last), Some(before)) if last == before && last.is_alphabetic() && last != 's' => {
            &stem[..stem.len() - last.len_utf8()]
        }
        _ => stem,
    }
}

/// The sentences of a paragraph. A dot ends a sentence only before a space and a capital, a digit or a mark that opens
/// a quotation, so that `e.g. this`, `tokio.rs` and `1.0` stay whole.
pub(crate) fn sentences(paragraph: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = paragraph.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !matches!(c, '.' | '!' | '?') || !chars.peek().is_some_and(|(_, next)| next.is_whitespace()) {
            continue;
        }
        let end = at + c.len_utf8();
        let next = paragraph[end..].trim_start().chars().next();
        if next.is_none_or(|next| next.is_uppercase() || next.is_numeric() || matches!(next, '`' | '"' | '('))
        {
            found.push(paragraph[start..end].trim());
            start = end;
        }
    }
    found.push(paragraph[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Texts made ready to be ranked against queries with BM25.
pub(crate) struct Index {
    texts: Vec<HashMap<String, usize>>,
    lengths: Vec<usize>,
    texts_with: HashMap<String, usize>,
}

impl Index {
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut index = Self { texts: Vec::new(), lengths: Vec::new(), texts_with: HashMap::new() };
        for text in texts {
            let words = words(text);
            index.lengths.push(words.len());
            let mut counts = HashMap::new();
            for word in words {
                *counts.entry(word).or_insert(0) += 1;
            }
            for word in counts.keys() {
                *index.texts_with.entry(word.clone()).or_insert(0) += 1;
            }
            index.texts.push(counts);
        }
        index
    }

    /// The texts that share a word with the query, best first, by their positions and scores. Equal scores keep the
    /// order in which the texts came, so that the same material gives the same answer.
    pub(crate) fn rank(&self, query: &str) -> Vec<(usize, f64)> {
        let mut query = words(query);
        query.sort();
        query.dedup();
        let mut ranked: Vec<(usize, f64)> = (0..self.texts.len())
            .map(|at| (at, self.score(at, &query)))
            .filter(|(_, score)| *score > 0.0)
            .collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranked
    }

    /// BM25, times the share of the query's words that the text has: a text that says one of three words often is
    /// about something else.
    fn score(&self, at: usize, query: &[String]) -> f64 {
        let total = self.texts.len() as f64;
        let mean = self.lengths.iter().sum::<usize>() as f64 / total;
        let long = 1.0 - BM25_B + BM25_B * self.lengths[at] as f64 / mean.max(1.0);
        let mut score = 0.0;
        let mut met = 0;
        for word in query {
            let Some(&count) = self.texts[at].get(word) else { continue };
            met += 1;
            let with = self.texts_with[word] as f64;
            let rarity = (1.0 + (total - with + 0.5) / (with + 0.5)).ln();
            let count = count as f64;
            score += rarity * count * (BM25_K1 + 1.0) / (count + BM25_K1 * long);
        }
        score * f64::from(met) / query.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_word_meet_and_short_words_stay() {
        for forms in [
            &["cancel", "cancels", "cancelled", "cancelling", "cancellation"][..],
            &["stream", "streams", "streaming", "streamed"],
            &["retry", "retries"],
            &["cache", "caches", "cached", "caching"],
            &["parse", "parsing", "parsed"],
        ] {
            let stems: std::collections::BTreeSet<String> =
                forms.iter().map(|form| common_form(form)).collect();
            assert_eq!(stems.len(), 1, "{forms:?} gave {stems:?}");
        }
        for word in ["ring", "bed", "bus", "io"] {
            assert_eq!(common_form(word), word);
        }
    }

    #[test]
    fn a_dot_inside_of_words_and_numbers_ends_no_sentence() {
        let text = "Since tokio.rs 1.0 it works, e.g. here. `spawn` is one way! Is it? (Yes.) 2 remain.";
        let expected =
            ["Since tokio.rs 1.0 it works, e.g. here.", "`spawn` is one way!", "Is it?", "(Yes.) 2 remain."];
        assert_eq!(sentences(text), expected);
        assert_eq!(sentences("no end"), ["no end"]);
        assert!(sentences(" ").is_empty());
    }

    #[test]
    fn a_text_that_has_all_words_of_a_query_beats_one_that_repeats_a_word() {
        let index = Index::new(["retry retry retry retry", "a timeout before the retry", "nothing of that"]);
        let order: Vec<usize> = index.rank("retries and timeouts").into_iter().map(|(at, _)| at).collect();
        assert_eq!(order, [1, 0]);
    }
}
