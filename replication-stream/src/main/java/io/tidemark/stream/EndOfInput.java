package io.tidemark.stream;

import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.handler.ssl.SslCloseCompletionEvent;

/**
 * How a connection that may be half closed ({@code ALLOW_HALF_CLOSURE}) says that its other end
 * sends nothing more: the end of the TCP stream, or TLS's close_notify (RFC 8446, section 6.1).
 */
public final class EndOfInput {
  private EndOfInput() {}

  /**
   * @param event of {@code userEventTriggered}
   */
  public static boolean is(Object event) {
    return event instanceof ChannelInputShutdownEvent
        || event instanceof ChannelInputShutdownReadComplete
        || (event instanceof SslCloseCompletionEvent closed && closed.isSuccess());
  }
}
