package io.tidemark.proxy;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/** One side of two connections whose bytes are passed on as they come; they end together. */
final class TunnelEnd extends ChannelInboundHandlerAdapter {
  private final Channel other;

  /**
   * @param other of the same event loop
   */
  TunnelEnd(Channel other) {
    this.other = other;
  }

  /** Whether what is read can go on. */
  boolean hasRoom() {
    return other.isWritable();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    other.write(message);
    if (!other.isWritable()) {
      context.channel().config().setAutoRead(false);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    other.flush();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    other.config().setAutoRead(context.channel().isWritable());
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    other.writeAndFlush(context.alloc().buffer(0)).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    context.close(); // one of the two has gone, which the other one will notice
  }
}
