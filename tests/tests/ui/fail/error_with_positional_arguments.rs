use onelogger::error;

fn main() {
    let (x, problem) = (1, "y".parse::<u32>().unwrap_err());
    error!("failed after {} tries", x);
    drop((x, problem));
}
