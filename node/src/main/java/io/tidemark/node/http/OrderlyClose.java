package io.tidemark.node.http;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.ReferenceCountUtil;
import io.tidemark.stream.EndOfInput;
import java.util.concurrent.TimeUnit;

/**
 * Ends a connection in two steps (RFC 9112, section 9.6): first this side, and all of it when the
 * client has ended its side too, or soon after. A socket that is closed while bytes of the client
 * are unread resets the connection, and then the client may not see the last words, such as the
 * alert of a TLS handshake that has failed.
 */
final class OrderlyClose extends ChannelDuplexHandler {
  private static final int LONGEST_MILLIS = 500;

  private boolean closing;

  @Override
  public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
    SocketChannel channel = (SocketChannel) ctx.channel();
    if (closing) {
      channel.closeFuture().addListener(closed -> promise.trySuccess());
    } else if (!channel.isActive() || channel.isInputShutdown()) {
      ctx.close(promise);
    } else {
      closing = true;
      channel.shutdownOutput();
      channel.config().setAutoRead(true);
      channel.closeFuture().addListener(closed -> promise.trySuccess());
      ctx.executor().schedule(() -> ctx.close(), LONGEST_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (closing) {
      ReferenceCountUtil.release(message);
      ctx.read();
    } else {
      ctx.fireChannelRead(message);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (closing && EndOfInput.is(event)) {
      ctx.close();
    }
    ctx.fireUserEventTriggered(event);
  }
}
