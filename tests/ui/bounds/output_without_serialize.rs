use gensx::component;

#[derive(serde::Deserialize)]
struct Finding;

#[component]
async fn research() -> gensx::Result<Vec<Finding>> {
    Ok(vec![Finding])
}

fn main() {}
