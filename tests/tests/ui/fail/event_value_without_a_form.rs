use onelogger::event;

fn main() {
    let (x, problem) = (1, "y".parse::<u32>().unwrap_err());
    event!("a", problem);
    drop((x, problem));
}
