// Rust's standard library: threads, channels, files, directories, sleeping, a caught panic, arguments.
// args: x y
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, panic, thread};

fn main() -> std::io::Result<()> {
    let shared = Arc::new(Mutex::new(0u64));
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..4)
        .map(|i| {
            let (shared, sender) = (shared.clone(), sender.clone());
            thread::spawn(move || {
                for k in 0..100 {
                    *shared.lock().unwrap() += k * i;
                }
                sender.send(i).unwrap();
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    drop(sender);
    let mut got: Vec<u64> = receiver.iter().collect();
    got.sort();
    println!("{} {:?}", *shared.lock().unwrap(), got);

    fs::create_dir_all("a/b")?;
    fs::File::create("a/b/f")?.write_all(b"hello from rust")?;
    let mut text = String::new();
    fs::File::open("a/b/f")?.read_to_string(&mut text)?;
    println!("{} {}", text, fs::metadata("a/b/f")?.len());
    fs::rename("a/b/f", "a/moved")?;
    let names: BTreeMap<_, _> = fs::read_dir("a")?
        .map(|entry| entry.map(|e| (e.file_name(), e.file_type().unwrap().is_dir())).unwrap())
        .collect();
    println!("{:?}", names);
    fs::remove_dir_all("a")?;
    println!("{:?}", fs::read("a/moved").map_err(|error| error.kind()));

    let started = Instant::now();
    thread::sleep(Duration::from_millis(20));
    println!("{}", started.elapsed() >= Duration::from_millis(20));
    panic::set_hook(Box::new(|_| ()));
    println!("{}", panic::catch_unwind(|| Vec::<i32>::new()[env::args().count()]).is_err());
    println!("{:?} {}", env::args().skip(1).collect::<Vec<_>>(), env::var("HOME").is_err());
    std::process::exit(9);
}
