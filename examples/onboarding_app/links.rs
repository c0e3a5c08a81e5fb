//! Which pages a crawl goes to.

use std::collections::HashSet;

use reqwest::Url;

use crate::robots::Rules;

/// A longer URL is a trap: a calendar, a search that links to itself.
const MAX_URL_CHARS: usize = 500;

/// Endings of what is no page.
const NO_PAGES: &[&str] = &[
    "css", "gif", "gz", "ico", "jpeg", "jpg", "js", "json", "mp4", "pdf", "png", "svg", "tar", "txt", "webp",
    "woff", "woff2", "xml", "zip",
];

/// A site that cannot be crawled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    #[error("`{0}` is no address of a site: give one that begins with http:// or https://")]
    Scheme(String),
    #[error("the site's robots.txt asks not to read `{0}`")]
    Refused(String),
}

/// A link as it stands in a page, made absolute and without its fragment; `None` for what is no page of the web.
pub(crate) fn resolve(base: &Url, link: &str) -> Option<String> {
    let mut url = base.join(link.trim()).ok()?;
    url.set_fragment(None);
    (is_web(&url) && url.as_str().len() <= MAX_URL_CHARS).then(|| url.into())
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// The pages that are known, and those that are to be read next.
pub(crate) struct Frontier {
    start: Url,
    /// What paths of the site begin with: the folder of its first page.
    folder: String,
    rules: Rules,
    known: HashSet<String>,
    level: Vec<String>,
    max_pages: usize,
}

impl Frontier {
    /// A crawl that begins at a page.
    ///
    /// # Errors
    /// For what is no address of a page, and for one that the site's rules exclude.
    pub(crate) fn new(start: &Url, rules: Rules, max_pages: usize) -> Result<Self, SiteError> {
        if !is_web(start) {
            return Err(SiteError::Scheme(start.to_string()));
        }
        let folder = start.path().rsplit_once('/').map_or("/".to_owned(), |(folder, _)| format!("{folder}/"));
        let known = HashSet::new();
        let mut this = Self { start: start.clone(), folder, rules, known, level: Vec::new(), max_pages };
        if !this.rules.allow(&path_and_query(start)) {
            return Err(SiteError::Refused(start.to_string()));
        }
        this.add(&resolve(start, "").into_iter().collect::<Vec<_>>());
        Ok(this)
    }

    /// Takes links in: those that are new, of this site, and within the bound.
    pub(crate) fn add(&mut self, links: &[String]) {
        for link in links {
            if self.known.len() < self.max_pages && self.is_wanted(link) && self.known.insert(link.clone()) {
                self.level.push(link.clone());
            }
        }
    }

    /// The pages that were found and not taken yet.
    pub(crate) fn take_level(&mut self) -> Vec<String> {
        std::mem::take(&mut self.level)
    }

    fn is_wanted(&self, link: &str) -> bool {
        let Ok(url) = Url::parse(link) else { return false };
        let last = url.path().rsplit('/').next().unwrap_or_default();
        let ending = last.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        url.origin() == self.start.origin()
            && url.path().starts_with(&self.folder)
            && ending.is_none_or(|ending| !NO_PAGES.contains(&ending.as_str()))
            && self.rules.allow(&path_and_query(&url))
    }
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontier(robots: &str, max_pages: usize) -> Frontier {
        let start = Url::parse("http://site.test:8080/docs/index.html#top").unwrap();
        Frontier::new(&start, Rules::parse(robots), max_pages).unwrap()
    }

    fn add(frontier: &mut Frontier, links: &[&str]) -> Vec<String> {
        let base = Url::parse("http://site.test:8080/docs/index.html").unwrap();
        frontier.add(&links.iter().filter_map(|link| resolve(&base, link)).collect::<Vec<_>>());
        frontier.take_level()
    }

    #[test]
    fn a_crawl_stays_in_the_folder_of_its_first_page_and_takes_each_page_once() {
        let mut frontier = frontier("", 10);
        assert_eq!(frontier.take_level(), ["http://site.test:8080/docs/index.html"]);
        let found = add(
            &mut frontier,
            &[
                "a.html",
                "./a.html#part",
                "sub/../b.html",
                "/elsewhere.html",
                "../up.html",
                "http://other.test/docs/a.html",
                "https://site.test:8080/docs/a.html",
                "picture.PNG",
                "index.html",
                "javascript:alert(1)",
            ],
        );
        assert_eq!(found, ["http://site.test:8080/docs/a.html", "http://site.test:8080/docs/b.html"]);
        assert!(add(&mut frontier, &["a.html"]).is_empty());
    }

    #[test]
    fn a_crawl_has_a_bound_and_keeps_to_the_sites_rules() {
        let mut frontier = frontier("User-agent: *\nDisallow: /docs/private", 3);
        let found = add(&mut frontier, &["private/a.html", "a.html", "b.html", "c.html"]);
        assert_eq!(found.len(), 3, "the first page and two more: {found:?}");
        assert!(found.iter().all(|url| !url.contains("private")), "{found:?}");
    }

    #[test]
    fn what_is_no_site_is_named() {
        for (url, part) in
            [("file:///etc/passwd", "file:///etc/passwd"), ("http://site.test/no/x", "robots.txt")]
        {
            let rules = Rules::parse("User-agent: *\nDisallow: /no/");
            let error = Frontier::new(&Url::parse(url).unwrap(), rules, 3).err().unwrap();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
