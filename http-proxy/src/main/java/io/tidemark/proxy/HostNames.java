package io.tidemark.proxy;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Finds the addresses of hosts without keeping an event loop waiting. */
final class HostNames {
  private static final int THREADS = 2;
  private static final ExecutorService RESOLVER = resolver();
  private static final List<InetAddress> LOOPBACK = loopback();

  private HostNames() {}

  private static ExecutorService resolver() {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work -> {
              Thread thread = new Thread(work, "proxy-resolver");
              thread.setDaemon(true);
              return thread;
            });
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  /** Applications listen on one of them or on both. */
  private static List<InetAddress> loopback() {
    return List.of(literal("127.0.0.1"), literal("::1"));
  }

  private static InetAddress literal(String text) {
    byte[] address = NetUtil.createByteArrayFromIpAddressString(text);
    try {
      return address == null ? null : InetAddress.getByAddress(address);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /**
   * @return completes at once for addresses and localhost; exceptionally with an {@link
   *     UnknownHostException}
   */
  static CompletableFuture<List<InetAddress>> find(String host) {
    if (host.equalsIgnoreCase("localhost")) {
      return CompletableFuture.completedFuture(LOOPBACK);
    }
    InetAddress literal = literal(host);
    if (literal != null) {
      return CompletableFuture.completedFuture(List.of(literal));
    }
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return List.of(InetAddress.getAllByName(host));
          } catch (UnknownHostException e) {
            throw new CompletionException(e);
          }
        },
        RESOLVER);
  }
}
