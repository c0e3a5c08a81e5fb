#[component]
/// Finds what there is to know.
#[must_use]
pub async fn research(topic: String, n: usize) -> Result<Vec<Finding>, SearchError> {
    search(&topic).take(n).await
}
