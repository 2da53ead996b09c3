//! Another library in Rust, with a thread and an unwinding of its own.

/// The sum of the numbers below `count`, by a thread; negative if a panic was not caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_rust(count: i32) -> i32 {
    std::panic::set_hook(Box::new(|_| ()));
    let numbers: Vec<i32> = (0..count).collect();
    let unwound = std::panic::catch_unwind(|| panic!("on purpose: {count}")).is_err();
    let sum = std::thread::spawn(move || numbers.iter().sum::<i32>()).join();
    if unwound { sum.unwrap_or(-2) } else { -1 }
}
