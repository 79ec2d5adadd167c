package io.tidemark.node.http;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import java.util.concurrent.atomic.AtomicInteger;

/** How many connections the API has, and may have. Safe for all threads. */
final class ConnectionSlots {
  private static final AttributeKey<Boolean> TAKEN =
      AttributeKey.valueOf(ConnectionSlots.class, "taken");

  private final int most;
  private final AtomicInteger taken = new AtomicInteger();

  ConnectionSlots(int most) {
    this.most = most;
  }

  /**
   * @return false if there is none left
   */
  boolean take(Channel channel) {
    if (taken.incrementAndGet() > most) {
      taken.decrementAndGet();
      return false;
    }
    channel.attr(TAKEN).set(true);
    channel.closeFuture().addListener(closed -> release(channel));
    return true;
  }

  /** It is no connection of the API any more; once or more often. */
  void release(Channel channel) {
    if (channel.attr(TAKEN).getAndSet(null) != null) {
      taken.decrementAndGet();
    }
  }
}
