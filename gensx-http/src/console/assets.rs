//! The console's files. Nothing else is served, whatever a path asks for.

/// The page itself.
pub(super) const PAGE: &str = "index.html";

/// One file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asset {
    pub(super) name: &'static str,
    pub(super) content: &'static str,
}

macro_rules! assets {
    ($($name:literal),+ $(,)?) => {
        const ASSETS: &[Asset] = &[$(Asset { name: $name, content: include_str!(concat!("assets/", $name)) }),+];
    };
}

assets![
    "index.html",
    "base.css",
    "runs.css",
    "run.css",
    "icon.svg",
    "app.js",
    "api.js",
    "dom.js",
    "exact.js",
    "format.js",
    "live.js",
    "model.js",
    "patch.js",
    "json.js",
    "runs.js",
    "run.js",
    "actions.js",
    "plan.js",
    "tree.js",
    "detail.js",
    "inputs.js",
    "raw.js",
    "rows.js",
];

pub(super) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

impl Asset {
    /// A strong entity tag of its content.
    pub(super) fn tag(&self) -> String {
        let hash = blake3::hash(self.content.as_bytes()).to_hex();
        format!("\"{}\"", &hash[..32])
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, kind)| kind) {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_there_once_and_names_only_files_that_are() {
        for asset in ASSETS {
            assert_eq!(ASSETS.iter().filter(|other| other.name == asset.name).count(), 1, "{}", asset.name);
            for named in asset.content.split("from \"").skip(1) {
                let path = named.split('"').next().unwrap();
                let name = path.strip_prefix("./");
                assert!(name.is_some_and(|name| find(name).is_some()), "{}: {path}", asset.name);
            }
        }
        for named in find(PAGE).unwrap().content.split("\"console/").skip(1) {
            let name = named.split('"').next().unwrap();
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn text_never_becomes_markup() {
        let ways = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"];
        for asset in ASSETS {
            for way in ways {
                assert!(!asset.content.contains(way), "{}: {way}", asset.name);
            }
        }
        let page = find(PAGE).unwrap().content;
        assert!(
            ![" style=", "<style", " onclick=", " onload=", " onsubmit="]
                .iter()
                .any(|way| page.contains(way))
        );
    }
}
