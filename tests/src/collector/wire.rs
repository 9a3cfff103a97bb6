//! A way to a collector that can be cut.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Hands on what comes, both ways, until it is cut.
pub struct Wire {
    port: u16,
    connections: Arc<Mutex<Vec<TcpStream>>>,
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
    ///
    /// # Panics
    /// Never.
    pub fn cut(&self) -> usize {
        let cut: Vec<TcpStream> = self.connections.lock().unwrap().drain(..).collect();
        // One that was closed by an end fails here.
        cut.iter().filter(|connection| connection.shutdown(Shutdown::Both).is_ok()).count()
    }
}

fn connect(near: TcpStream, to: u16, kept: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    let far = TcpStream::connect(("127.0.0.1", to))?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    kept.lock().unwrap().push(near.try_clone()?);
    for (mut from, mut to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
