use std::rc::Rc;

use gensx::component;

#[component]
async fn research(#[skip] pages: Rc<Vec<String>>) -> gensx::Result<usize> {
    Ok(pages.len())
}

fn main() {}
