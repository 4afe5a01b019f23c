use std::collections::HashMap;
use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

fn main() {
    let counts: Arc<Mutex<HashMap<usize, usize>>> = Arc::new(Mutex::new(HashMap::new()));
    let handles: Vec<_> = (0..4).map(|n| { let counts = counts.clone(); thread::spawn(move || { for i in 0..100 { *counts.lock().unwrap().entry(i % 3).or_insert(0) += n; } n * n }) }).collect();
    let squares: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
    let mut sorted: Vec<_> = counts.lock().unwrap().iter().map(|(k, v)| (*k, *v)).collect();
    sorted.sort();
    println!("squares {squares} counts {sorted:?}");
    let (tx, rx) = mpsc::channel();
    for id in 0..3 { let tx = tx.clone(); thread::spawn(move || { tx.send(id * 10).unwrap(); }); }
    drop(tx);
    let mut got: Vec<i32> = rx.iter().collect();
    got.sort();
    println!("received {got:?}");
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let other = pair.clone();
    let waiter = thread::spawn(move || { let mut ready = other.0.lock().unwrap(); while !*ready { ready = other.1.wait(ready).unwrap(); } "woken" });
    *pair.0.lock().unwrap() = true;
    pair.1.notify_one();
    println!("{}", waiter.join().unwrap());
    let start = Instant::now();
    thread::sleep(Duration::from_millis(5));
    println!("slept {}", start.elapsed() >= Duration::from_millis(5));
    let caught = thread::Builder::new().name("panics".into()).spawn(|| { if true { panic!("on purpose"); } }).unwrap().join().is_err();
    println!("panic caught {caught}");
    let lock = RwLock::new(5);
    thread::scope(|s| { s.spawn(|| println!("scoped {}", lock.read().unwrap())); });
    let text: String = std::env::args().skip(1).collect::<Vec<_>>().join("-");
    println!("arguments {text:?} processors {}", thread::available_parallelism().map(|n| n.get() > 0).unwrap());
    std::process::exit(7);
}
