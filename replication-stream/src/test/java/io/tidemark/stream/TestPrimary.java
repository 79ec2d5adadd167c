package io.tidemark.stream;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.tidemark.database.Database;
import io.tidemark.database.SqliteSimulator;
import io.tidemark.database.SqliteSimulator.Finalise;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.stream.receive.PrimaryAddress;
import io.tidemark.stream.send.PrimaryIdentity;
import io.tidemark.stream.send.PrimaryStreams;
import io.tidemark.stream.send.SendOptions;
import io.tidemark.stream.send.StreamPeer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/** A primary with a port on this host. */
final class TestPrimary implements AutoCloseable {
  static final String NAME = "app.db";
  private static final int PAGE = 512;

  final Store store;
  final TestGate gate;
  final PrimaryStreams streams;
  private final Random random = new Random(5);
  private final SqliteSimulator sqlite;
  private final CommitMode mode;
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final Channel port;
  private byte[] image = new byte[0];

  TestPrimary(Path directory, CommitMode mode) throws Exception {
    this.mode = mode;
    this.store = Store.open(new StoreOptions(directory, true, Duration.ZERO, 0, true));
    this.gate = new TestGate();
    gate.sync = mode == CommitMode.SYNC;
    gate.primary = this;
    this.streams = new PrimaryStreams(store, identity(1), SendOptions.defaults(), gate);
    gate.streams = streams;
    store.commitGate(gate);
    this.sqlite = new SqliteSimulator(store, NAME, random);
    this.port =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    channel.pipeline().addLast(new HttpServerCodec());
                    channel.pipeline().addLast(new HttpObjectAggregator(1 << 16));
                    channel.pipeline().addLast(new Upgrade());
                  }
                })
            .bind("127.0.0.1", 0)
            .sync()
            .channel();
  }

  private final class Upgrade extends SimpleChannelInboundHandler<FullHttpRequest> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      context.writeAndFlush(
          new DefaultFullHttpResponse(
              HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS));
      streams.accept(context.channel());
      context.pipeline().remove(this);
      context.pipeline().remove(HttpObjectAggregator.class);
      context.pipeline().remove(HttpServerCodec.class);
    }
  }

  PrimaryIdentity identity(long recordVersion) {
    return new PrimaryIdentity(
        Id.parse(store.clusterId()),
        Id.parse(store.nodeId()),
        new Id(77),
        store.epoch(),
        recordVersion,
        mode);
  }

  int portNumber() {
    return ((InetSocketAddress) port.localAddress()).getPort();
  }

  PrimaryAddress address() {
    return PrimaryAddress.parse("http://127.0.0.1:" + portNumber(), null);
  }

  Database database() {
    return store.get(NAME);
  }

  byte[] image() {
    return image;
  }

  StreamPeer peer() {
    return streams.peers().get(0);
  }

  /** A program commits; returns when it has its answer. */
  void commit() throws IOException {
    byte[] after = SqliteSimulator.next(random, image, PAGE, 6, false, 2);
    sqlite.commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
  }

  /** The same beside the test. */
  FutureTask<Void> commitAside() {
    FutureTask<Void> commit =
        new FutureTask<>(
            () -> {
              commit();
              return null;
            });
    Thread thread = new Thread(commit);
    thread.setDaemon(true);
    thread.start();
    return commit;
  }

  /** A commit that nobody confirms: its record stays, in doubt. */
  void commitInDoubt() throws IOException {
    int needed = gate.needed;
    gate.needed = 99;
    gate.patience = Duration.ofMillis(200);
    byte[] after = SqliteSimulator.next(random, image, PAGE, 6, false, 2);
    sqlite.writeUnderJournal(image, after, true);
    try {
      sqlite.finalise(Finalise.UNLINK);
      throw new AssertionError("the commit was answered");
    } catch (IOException e) {
      sqlite.rollBack(image, after, Finalise.UNLINK);
    }
    gate.needed = needed;
    gate.patience = Duration.ofSeconds(30);
  }

  @Override
  public void close() throws IOException {
    streams.close();
    port.close().awaitUninterruptibly();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    store.close();
  }
}
