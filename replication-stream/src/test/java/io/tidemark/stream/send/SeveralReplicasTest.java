package io.tidemark.stream.send;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.Ack;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.DatabaseOpen;
import io.tidemark.stream.Frame;
import io.tidemark.stream.FrameDecoder;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.FrameType;
import io.tidemark.stream.Hello;
import io.tidemark.stream.Id;
import io.tidemark.stream.NamedPosition;
import io.tidemark.stream.Position;
import io.tidemark.stream.Positions;
import io.tidemark.stream.Primary;
import io.tidemark.stream.RecordChunk;
import io.tidemark.stream.Welcome;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Replicas of one primary, over real connections; each must get every record of every log. */
@Timeout(120)
class SeveralReplicasTest {
  @TempDir Path directory;

  private Primary primary;
  private PrimaryStreams streams;
  private EventLoopGroup loops;
  private Channel listener;
  private final List<Replica> replicas = new ArrayList<>();

  @BeforeEach
  void listen() throws Exception {
    primary = new Primary(directory);
    streams =
        new PrimaryStreams(
            primary.store,
            new PrimaryIdentity(
                Id.parse(primary.store.clusterId()),
                new Id(1),
                new Id(2),
                primary.store.epoch(),
                0,
                CommitMode.ASYNC),
            SendOptions.defaults(),
            StreamGate.OPEN);
    loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    listener =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    streams.accept(channel);
                  }
                })
            .bind(InetAddress.getLoopbackAddress(), 0)
            .sync()
            .channel();
  }

  @AfterEach
  void end() throws Exception {
    streams.close();
    loops.shutdownGracefully().sync();
    primary.close();
  }

  /** Takes what it is sent and acknowledges it, and keeps the bodies of all records. */
  private final class Replica extends SimpleChannelInboundHandler<Frame> {
    final Map<String, List<ByteBuffer>> records = new ConcurrentHashMap<>();
    private final Map<Integer, String> names = new ConcurrentHashMap<>();
    private final Map<Integer, Long> consumed = new ConcurrentHashMap<>();
    private final long number;
    private List<NamedPosition> positions = List.of();
    private Channel channel;

    Replica(long number) {
      this.number = number;
    }

    Replica connect() throws Exception {
      channel =
          new Bootstrap()
              .group(loops)
              .channel(NioSocketChannel.class)
              .handler(
                  new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel made) {
                      made.pipeline()
                          .addLast(
                              new FrameDecoder(FrameType.Sender.PRIMARY),
                              new FrameEncoder(Set.of()),
                              Replica.this);
                    }
                  })
              .connect(
                  InetAddress.getLoopbackAddress(),
                  ((InetSocketAddress) listener.localAddress()).getPort())
              .sync()
              .channel();
      Id id = new Id(100 + number);
      channel.writeAndFlush(new Hello(Id.NONE, id, id, id, 0, Id.NONE, 0, ""));
      replicas.add(this);
      return this;
    }

    void pause(boolean paused) {
      channel.config().setAutoRead(!paused);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, Frame frame) {
      if (frame instanceof Welcome from) {
        context.writeAndFlush(new Positions(from.epoch(), positions, false));
      } else if (frame instanceof DatabaseOpen open) {
        names.put(open.id(), open.name());
        records.putIfAbsent(open.name(), new ArrayList<>());
      } else if (frame instanceof RecordChunk chunk) {
        List<ByteBuffer> all = records.get(names.get(chunk.id()));
        synchronized (all) {
          assertThat(chunk.isFirst() && chunk.isLast()).isTrue();
          assertThat(chunk.txid()).isEqualTo(new Txid(all.size() + 1));
          all.add(chunk.bytes());
        }
        long bytes = consumed.merge(chunk.id(), (long) chunk.dataBytes(), Long::sum);
        context.writeAndFlush(
            new Ack(chunk.id(), chunk.epoch(), chunk.txid(), chunk.txid(), chunk.txid(), bytes));
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close(); // the records that are missing then fail the test
    }

    boolean has(String name, int count) {
      List<ByteBuffer> all = records.get(name);
      if (all == null) {
        return false;
      }
      synchronized (all) {
        return all.size() == count;
      }
    }
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + 60_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.sleep(1);
    }
  }

  private void assertAllHave(String name, int count) throws Exception {
    List<RecordChunk> log = primary.records(1, name);
    assertThat(log).hasSize(count);
    for (Replica replica : replicas) {
      await(name + " on replica " + replica.number, () -> replica.has(name, count));
      List<ByteBuffer> theirs = replica.records.get(name);
      synchronized (theirs) {
        for (int i = 0; i < count; i++) {
          assertThat(theirs.get(i)).isEqualTo(log.get(i).bytes());
        }
      }
    }
  }

  @Test
  void namesThatOnlyAReplicaKnowsAndManyDatabasesDisturbNobody() throws Exception {
    Replica stranger = new Replica(1);
    stranger.positions =
        List.of(new NamedPosition("unknown.db", Position.of(1, 3, Long.MIN_VALUE | 7)));
    stranger.connect();
    await("the answer about its own database", () -> stranger.records.containsKey("unknown.db"));
    for (int i = 0; i < 40; i++) {
      primary.commit("db" + i, 1);
    }
    new Replica(2).connect();
    for (int i = 0; i < 40; i++) {
      assertAllHave("db" + i, 1);
    }
    primary.commit("db39", 1);
    assertAllHave("db39", 2);
  }

  @Test
  void eachGetsEveryRecordInItsOrder() throws Exception {
    primary.commit("a", 1);
    for (int i = 1; i <= 3; i++) {
      new Replica(i).connect();
    }
    for (int i = 0; i < 150; i++) {
      primary.commit("a", 1 + i % 5);
      primary.commit("b", i % 10 == 0 ? 40 : 2);
    }
    assertAllHave("a", 151);
    assertAllHave("b", 150);
  }

  @Test
  void oneThatStopsReadingHoldsUpNobodyAndMissesNothing() throws Exception {
    primary.commit("a", 1);
    for (int i = 1; i <= 3; i++) {
      new Replica(i).connect();
    }
    assertAllHave("a", 1);
    Replica slow = replicas.get(1);
    slow.pause(true);
    for (int i = 0; i < 120; i++) {
      primary.commit("a", 30);
    }
    for (Replica each : replicas) {
      if (each != slow) {
        await("replica " + each.number, () -> each.has("a", 121));
      }
    }
    slow.pause(false);
    assertAllHave("a", 121);
    primary.commit("a", 2);
    assertAllHave("a", 122);
  }

  @Test
  void replicasThatComeAndGoChangeNothingForTheOthers() throws Exception {
    new Replica(1).connect();
    new Replica(2).connect();
    for (int i = 0; i < 60; i++) {
      primary.commit("a", 2);
      if (i % 10 == 4) {
        new Replica(10 + i).connect();
      } else if (i % 10 == 9) {
        replicas.remove(replicas.size() - 1).channel.close().sync();
      }
      if (i == 30) {
        primary.store.drop("a");
      }
    }
    assertAllHave("a", 61);
  }
}
