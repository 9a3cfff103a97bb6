//! A way to a collector that can be cut, and that can go dead.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Hands on what comes, both ways, until something happens to it.
pub struct Wire {
    port: u16,
    connections: Arc<Mutex<Vec<Connection>>>,
}

struct Connection {
    near: TcpStream,
    is_dead: Arc<AtomicBool>,
}

impl Wire {
    /// Leads to an endpoint of the loopback.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn to(endpoint: &str) -> Wire {
        let to = endpoint.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let to = to.expect("an endpoint with a port");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&connections);
        // Ends with the process.
        thread::spawn(move || {
            for near in listener.incoming() {
                // Nobody at the other end: closed at once.
                let _ = near.and_then(|near| connect(near, to, &kept));
            }
        });
        Wire { port, connections }
    }

    /// Where to connect instead.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Closes all connections, and takes new ones. Returns how many there were.
    pub fn cut(&self) -> usize {
        let cut = self.take();
        // One that an end has closed fails here.
        cut.iter().filter(|one| one.near.shutdown(Shutdown::Both).is_ok()).count()
    }

    /// Lets all connections go dead: what is sent on them gets nowhere, and nobody is told. New ones
    /// work. Returns how many there were.
    pub fn let_go_dead(&self) -> usize {
        let dead = self.take();
        dead.iter().for_each(|one| one.is_dead.store(true, Ordering::SeqCst));
        dead.len()
    }

    fn take(&self) -> Vec<Connection> {
        std::mem::take(&mut self.connections.lock().unwrap())
    }
}

fn connect(near: TcpStream, to: u16, kept: &Mutex<Vec<Connection>>) -> io::Result<()> {
    let far = TcpStream::connect(("127.0.0.1", to))?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let is_dead = Arc::new(AtomicBool::new(false));
    let connection = Connection { near: near.try_clone()?, is_dead: Arc::clone(&is_dead) };
    kept.lock().unwrap().push(connection);
    for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        let is_dead = Arc::clone(&is_dead);
        thread::spawn(move || {
            let _ = hand_on(&from, &to, &is_dead);
            if !is_dead.load(Ordering::SeqCst) {
                let _ = to.shutdown(Shutdown::Both);
            }
        });
    }
    Ok(())
}

fn hand_on(mut from: &TcpStream, mut to: &TcpStream, is_dead: &AtomicBool) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        if !is_dead.load(Ordering::SeqCst) {
            to.write_all(&buffer[..length])?;
        }
    }
}
