//! The tests' S3 server by itself, to try pgcoffer by hand: `cargo run --example s3_server`. Everything in it is in
//! memory, and is gone when it ends.

#![allow(clippy::print_stdout, reason = "tells its user what to type")]

#[path = "../tests/testbed/mod.rs"]
mod testbed;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let server = testbed::S3Server::start();
    println!(
        "S3 at {}, until you press Ctrl-C. In another terminal:\n",
        server.endpoint()
    );
    for (name, value) in server.env() {
        println!("export {name}={value}");
    }
    tokio::signal::ctrl_c().await?;
    println!("\n{} calls; what is left in the bucket:", server.calls().len());
    for object in server.objects() {
        println!("{:>14} bytes  {}", object.size_bytes, object.key);
    }
    Ok(())
}
