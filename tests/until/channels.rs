//! A message or the end: the recipes for channels and sockets.

use super::*;

on_every_flavour!(
    s6_a_thread_waits_for_a_flume_message_or_the_end,
    s6_a_thread_waits_for_a_crossbeam_message_or_the_end,
    s6_a_thread_waits_for_a_std_message_or_the_end,
    s6_a_thread_waits_at_a_full_channel_or_for_the_end,
    // On Windows a read that has begun may miss the shutdown of its socket.
    #[cfg(not(windows))]
    s6_a_thread_waits_for_a_socket_or_the_end,
);

fn s6_a_thread_waits_for_a_flume_message_or_the_end<F: AnyFlavour>(flavour: F) {
    ended(flavour, |waits| {
        let shutdown = Shutdown::current();
        let (sender, messages) = flume::unbounded();
        let next = || block_on(shutdown.until_requested(messages.recv_async()));
        let late = thread::spawn(move || {
            sender.send(1).unwrap();
            sender
        });
        assert_eq!(next(), Some(Ok(1)));
        // Not disconnected: the end it is that ends this.
        let sender = late.join().unwrap();
        waits.happen();
        assert_eq!(next(), None);
        drop(sender);
    });
}

fn s6_a_thread_waits_for_a_crossbeam_message_or_the_end<F: AnyFlavour>(flavour: F) {
    ended(flavour, |waits| {
        let shutdown = Shutdown::current();
        let (sender, messages) = crossbeam_channel::unbounded();
        let (end_sender, end) = crossbeam_channel::bounded::<()>(0);
        let _until_return = shutdown.on_request(move || drop(end_sender));
        let next = || {
            crossbeam_channel::select! {
                recv(messages) -> message => Some(message.unwrap()),
                recv(end) -> end => end.ok().map(|()| 0),
            }
        };
        let late = thread::spawn(move || {
            sender.send(1).unwrap();
            sender
        });
        assert_eq!(next(), Some(1));
        let sender = late.join().unwrap();
        waits.happen();
        assert_eq!(next(), None);
        drop(sender);
    });
}

/// What std's channels carry.
#[derive(Debug, PartialEq)]
enum Message {
    Text(u32),
    End,
}

fn s6_a_thread_waits_for_a_std_message_or_the_end<F: AnyFlavour>(flavour: F) {
    ended(flavour, |waits| {
        let shutdown = Shutdown::current();
        let (sender, messages) = mpsc::channel();
        let ends = sender.clone();
        let until_return = shutdown.on_request(move || {
            let _ = ends.send(Message::End);
        });
        let late = thread::spawn(move || sender.send(Message::Text(1)).unwrap());
        assert_eq!(messages.recv(), Ok(Message::Text(1)));
        late.join().unwrap();
        waits.happen();
        assert_eq!(messages.recv(), Ok(Message::End));
        // The closure is over, and with it the last sender.
        assert_eq!(messages.recv(), Err(mpsc::RecvError));
        drop(until_return);
    });
}

fn s6_a_thread_waits_at_a_full_channel_or_for_the_end<F: AnyFlavour>(flavour: F) {
    ended(flavour, |waits| {
        let shutdown = Shutdown::current();
        let (sender, messages) = mpsc::sync_channel(1);
        let ends = sender.clone();
        let _until_return = shutdown.on_request(move || {
            let _ = ends.try_send(Message::End);
        });
        // It is always full.
        let floods = thread::spawn(move || while sender.send(Message::Text(1)).is_ok() {});
        let mut taken = 0;
        while let Ok(Message::Text(_)) = messages.recv() {
            taken += 1;
            if taken == 100 {
                waits.happen();
            }
            if shutdown.is_requested() {
                break;
            }
        }
        assert!(shutdown.is_requested() && taken >= 100);
        drop(messages);
        floods.join().unwrap();
    });
}

#[cfg(not(windows))]
fn s6_a_thread_waits_for_a_socket_or_the_end<F: AnyFlavour>(flavour: F) {
    use std::io::Read;
    use std::net::{Shutdown as Both, TcpListener, TcpStream};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (_silent, _) = listener.accept().unwrap();
    ended(flavour, move |waits| {
        let other = stream.try_clone().unwrap();
        let _until_return = Shutdown::current().on_request(move || {
            let _ = other.shutdown(Both::Both);
        });
        waits.happen();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    });
}
