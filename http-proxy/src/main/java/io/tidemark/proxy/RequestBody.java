package io.tidemark.proxy;

import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The body of a request between the client, which sends it, and the upstream, which may come later
 * or be another one at the second try. Of the event loop.
 */
final class RequestBody {
  /** Bytes that wait for an upstream before the client is read no more. */
  private static final int MOST_WAITING = 64 << 10;

  /** Bytes that are kept so that they can be sent again. */
  private static final int MOST_KEPT = 64 << 10;

  private final ClientConnection client;

  /** Not sent yet, in order. */
  private final Deque<HttpContent> waiting = new ArrayDeque<>(2);

  private long waitingBytes;

  /** Sent before, for a second try. */
  private final Deque<HttpContent> kept = new ArrayDeque<>(0);

  private long keptBytes;
  private boolean complete = true;
  private Upstream upstream;
  private boolean ended;
  private boolean closed;

  RequestBody(ClientConnection client) {
    this.client = client;
  }

  /** Whether all of it was sent to the current upstream. */
  boolean isSent() {
    return ended && waiting.isEmpty();
  }

  /** Whether it can be sent from its beginning. */
  boolean isComplete() {
    return complete;
  }

  /** A piece from the client. */
  void add(HttpContent piece) {
    if (closed) {
      piece.release();
      return;
    }
    ended = piece instanceof LastHttpContent;
    if (upstream != null) {
      send(piece);
    } else {
      waiting.add(piece);
      waitingBytes += piece.content().readableBytes();
    }
    steer();
  }

  /** From here on it goes there; what was sent before is sent again. */
  void attach(Upstream to) {
    upstream = to;
    while (!kept.isEmpty()) {
      waiting.addFirst(kept.pollLast());
    }
    keptBytes = 0;
    waitingBytes = 0;
    while (!waiting.isEmpty()) {
      send(waiting.poll());
    }
    steer();
  }

  /** The upstream is gone. */
  void detach() {
    upstream = null;
    steer();
  }

  private void send(HttpContent piece) {
    int bytes = piece.content().readableBytes();
    if (complete && keptBytes + bytes <= MOST_KEPT) {
      keptBytes += bytes;
      kept.add(piece.retainedDuplicate());
    } else if (bytes > 0 || !complete) {
      forget();
    }
    upstream.write(piece);
  }

  /** There will be no second try. */
  void forget() {
    complete = false;
    kept.forEach(HttpContent::release);
    kept.clear();
  }

  /** The client is read as long as what it sends can go on. */
  void steer() {
    boolean room = upstream == null ? waitingBytes <= MOST_WAITING : upstream.isWritable();
    client.read(closed || room);
  }

  void close() {
    closed = true;
    upstream = null;
    forget();
    waiting.forEach(HttpContent::release);
    waiting.clear();
  }
}
