//! A failure stops at the component it happens in: the caller gets an error that it can branch on, or the fallback's
//! answer, and the rest of the run goes on. `cargo run --example error_boundary`

use gensx::prelude::*;

/// Fails in the ordinary way, after every attempt; then the fallback answers. The stream says that it did.
#[component(retry(max_attempts = 2, initial = "10ms"), fallback = no_forecast)]
async fn forecast(city: String) -> anyhow::Result<String> {
    anyhow::bail!("the weather service has never heard of {city}")
}

/// Gets the error and the inputs.
#[expect(clippy::needless_pass_by_value, reason = "a fallback owns what it gets, as the component does")]
fn no_forecast(error: Error, city: String) -> String {
    format!("no forecast for {city} after {} attempts", error.attempts())
}

/// Panics, which is a bug, and so is not tried again. Rust reports it on standard error; the program goes on.
#[component(retry(max_attempts = 5))]
async fn warmest(readings: Vec<i32>) -> anyhow::Result<i32> {
    Ok(*readings.iter().max().expect("at least one reading"))
}

#[component]
async fn report(city: String) -> anyhow::Result<String> {
    let forecast = forecast(city).await?;
    let warmest = match warmest(vec![]).await {
        Ok(degrees) => format!("{degrees} degrees"),
        // Kind and code are the same when the run is resumed: branch on these, not on the text.
        Err(error) if error.kind() == ErrorKind::Panic => "unknown".to_owned(),
        Err(error) => return Err(error.into()),
    };
    Ok(format!("{forecast}; warmest: {warmest}"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let report = Runtime::in_memory().run(&report, "Atlantis".to_owned()).await?;
    println!("{report}");
    assert_eq!(report, "no forecast for Atlantis after 2 attempts; warmest: unknown");
    Ok(())
}
