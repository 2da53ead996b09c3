//! Configures the linker: the functions of Node are resolved when Node loads the addon.

fn main() {
    napi_build::setup();
    // Node unloads an addon together with the last environment that loaded it. At that time a run may still be ending on its
    // own thread.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
