//! Lets the addon leave Node's functions to be found at load time.

fn main() {
    napi_build::setup();
    // Node unloads an addon with the last environment that loaded it, a worker's maybe,
    // while a run of ours may still be ending on its own thread.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
