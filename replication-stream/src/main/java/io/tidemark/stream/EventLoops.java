package io.tidemark.stream;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.util.concurrent.ThreadFactory;

/**
 * Event loops for connections to other nodes, and the sockets that fit them: Linux's epoll where
 * its native code can be loaded, else the JDK's selectors. {@code
 * -Dio.netty.transport.noNative=true} asks for the latter.
 */
public final class EventLoops {
  private static final boolean NATIVE = Epoll.isAvailable();

  private EventLoops() {}

  /** A group of so many threads. */
  public static EventLoopGroup group(int threads, ThreadFactory factory) {
    IoHandlerFactory handlers = NATIVE ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    return new MultiThreadIoEventLoopGroup(threads, factory, handlers);
  }

  /** Sockets that listen. */
  public static Class<? extends ServerSocketChannel> serverSocket() {
    return NATIVE ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
  }

  /** Sockets that connect. */
  public static Class<? extends SocketChannel> socket() {
    return NATIVE ? EpollSocketChannel.class : NioSocketChannel.class;
  }
}
