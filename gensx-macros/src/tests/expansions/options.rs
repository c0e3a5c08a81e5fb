#[component(
    name = "deep-research",
    version = 2,
    retry(max_attempts = 4, initial = "200ms", factor = 2, max = "20s", jitter = false, when = is_temporary),
    timeout = "1m 30s",
    cache(ttl = "1h", key = topic.trim(), scope = tenant()),
    fallback = nothing_found,
    durability = "pipelined",
    crate = my_sdk::gensx
)]
async fn research(topic: String, #[secret] token: String, #[skip] client: Client) -> gensx::Result<String> {
    client.ask(topic, token).await
}

#[component(retry = POLICY, timeout = LIMIT * 2)]
async fn policy() -> gensx::Result<()> {
    Ok(())
}
