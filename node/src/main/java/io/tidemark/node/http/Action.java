package io.tidemark.node.http;

import io.tidemark.node.StreamDoor;
import java.io.IOException;
import java.nio.file.Path;

/** What a request asks for, decided from its head alone. */
sealed interface Action {
  /** A short answer, computed off the event loop because it may wait for a database's lock. */
  record Answer(Work work) implements Action {}

  /** An answer that needs no work. */
  record Instant(Reply reply) implements Action {}

  /** Sends a database. */
  record Export(String name) implements Action {}

  /** Takes a file. */
  record Take(Taker taker) implements Action {}

  /** Leaves HTTP: from here on the connection speaks another protocol. */
  record Leave(StreamDoor door, String protocol) implements Action {}

  /** Does something with the file that was sent; may wait and do I/O. */
  interface Taker {
    /**
     * @param file its content; goes away afterwards
     */
    Reply take(Path file) throws IOException, ApiException;
  }

  /** Sends events until the client goes away. */
  record Events() implements Action {}

  /** Produces an answer; may wait and do I/O. */
  interface Work {
    Reply run() throws IOException, ApiException;
  }
}
