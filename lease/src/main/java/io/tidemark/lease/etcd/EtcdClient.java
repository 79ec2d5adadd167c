package io.tidemark.lease.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.ClientBuilder;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Response;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.kv.TxnResponse;
import io.etcd.jetcd.lease.LeaseGrantResponse;
import io.etcd.jetcd.lease.LeaseKeepAliveResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.PutOption;
import io.etcd.jetcd.options.WatchOption;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import java.io.File;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The calls of etcd that a lease needs, each with a time limit and an error that says what to do.
 *
 * <p>The library's own keeping of leases is not used: it says nothing of a loss before a whole TTL
 * has passed, measures from the answers, and does not resume. Of its retries only those remain that
 * follow an expired token, which the server refuses before it does anything.
 */
final class EtcdClient implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EtcdClient.class);

  /**
   * Calls that may be made twice are made again, at the next endpoint, after this share of time.
   */
  private static final int SECOND_TRY_AFTER = 3;

  private final String store;
  private final Duration timeout;
  private final Client client;
  private final AtomicLong clusterId = new AtomicLong();

  EtcdClient(EtcdOptions options, UnaryOperator<ClientBuilder> change) throws LeaseStoreException {
    store =
        "etcd at "
            + options.endpoints().stream().map(URI::toString).collect(Collectors.joining(", "));
    timeout = options.timeout();
    ClientBuilder builder =
        Client.builder()
            .endpoints(options.endpoints())
            .connectTimeout(timeout)
            .keepaliveTime(Duration.ofSeconds(10))
            .keepaliveTimeout(timeout)
            // Fail with the reason instead of waiting for a connection.
            .waitForReady(false)
            .retryMaxAttempts(1)
            .retryDelay(1)
            .retryMaxDelay(2);
    options
        .credentials()
        .ifPresent(given -> builder.user(bytes(given.user())).password(bytes(given.password())));
    if (options.isSecure()) {
      secure(builder, options.tls());
    }
    client = change.apply(builder).build();
  }

  private void secure(ClientBuilder builder, Optional<EtcdOptions.Tls> tls)
      throws LeaseStoreException {
    try {
      builder.sslContext(
          context -> {
            tls.flatMap(EtcdOptions.Tls::ca).map(Path::toFile).ifPresent(context::trustManager);
            tls.flatMap(EtcdOptions.Tls::certificate)
                .map(Path::toFile)
                .ifPresent(file -> context.keyManager(file, keyFile(tls)));
          });
    } catch (SSLException | IllegalArgumentException e) {
      throw new LeaseStoreException(
          Kind.TLS,
          store + ": the certificates cannot be used: " + e.getMessage(),
          "check the files of lease.etcd.tls: PEM, the key in PKCS#8",
          e);
    }
  }

  private static File keyFile(Optional<EtcdOptions.Tls> tls) {
    return tls.flatMap(EtcdOptions.Tls::key).map(Path::toFile).orElseThrow();
  }

  static ByteSequence bytes(String text) {
    return ByteSequence.from(text, StandardCharsets.UTF_8);
  }

  String describe() {
    return store;
  }

  Duration timeout() {
    return timeout;
  }

  /** Asks for a new etcd lease; keys are bound to it by {@link #put}. */
  CompletableFuture<LeaseGrantResponse> askForLease(Duration ttl) {
    // In whole seconds, rounded up: the deadline rests on what is granted anyway.
    long seconds = ttl.plusMillis(999).toSeconds();
    return client.getLeaseClient().grant(seconds);
  }

  /** The etcd lease that was asked for. */
  LeaseGrantResponse granted(CompletableFuture<LeaseGrantResponse> asked)
      throws LeaseStoreException {
    return sameCluster(await(asked, timeout));
  }

  void revoke(long leaseId) throws LeaseStoreException {
    try {
      await(client.getLeaseClient().revoke(leaseId), timeout);
    } catch (LeaseStoreException e) {
      if (!EtcdErrors.isLeaseGone(e.getCause())) {
        throw e;
      }
    }
  }

  /**
   * The same of a lease that has no key any more, without waiting; if it fails, its TTL does it.
   */
  void revokeLater(long leaseId) {
    client
        .getLeaseClient()
        .revoke(leaseId)
        .whenComplete(
            (done, error) -> {
              if (error != null) {
                LOG.debug("etcd lease {} is left to its TTL", leaseId, error);
              }
            });
  }

  /**
   * Keeps an etcd lease alive once, and reads a key, both within the limit.
   *
   * @return empty when the lease has ended, else the TTL and the key
   */
  Optional<Kept> keepAlive(long leaseId, ByteSequence key, Duration limit)
      throws LeaseStoreException {
    long end = System.nanoTime() + limit.toNanos();
    CompletableFuture<LeaseKeepAliveResponse> alive =
        twice(() -> client.getLeaseClient().keepAliveOnce(leaseId), limit);
    CompletableFuture<GetResponse> got = twice(() -> client.getKVClient().get(key), limit);
    LeaseKeepAliveResponse answer;
    try {
      answer = await(alive, limit);
    } catch (LeaseStoreException e) {
      if (EtcdErrors.isLeaseGone(e.getCause())) {
        return Optional.empty();
      }
      throw e;
    }
    Duration left = Duration.ofNanos(Math.max(1, end - System.nanoTime()));
    List<KeyValue> found = sameCluster(await(got, left)).getKvs();
    return Optional.of(new Kept(answer.getTTL(), found.stream().findFirst()));
  }

  record Kept(long ttlSeconds, Optional<KeyValue> key) {}

  /**
   * Makes the call again if the first one has no answer yet: a stopped member of the cluster holds
   * up every third call or so, and the next call goes to the next member.
   */
  private static <T> CompletableFuture<T> twice(
      Supplier<CompletableFuture<T>> call, Duration limit) {
    CompletableFuture<T> first = call.get();
    CompletableFuture<T> either = new CompletableFuture<>();
    first.whenComplete((value, error) -> settle(either, value, error));
    CompletableFuture.delayedExecutor(limit.toNanos() / SECOND_TRY_AFTER, TimeUnit.NANOSECONDS)
        .execute(
            () -> {
              if (!either.isDone()) {
                call.get().whenComplete((value, error) -> settle(either, value, error));
              }
            });
    return either;
  }

  private static <T> void settle(CompletableFuture<T> either, T value, Throwable error) {
    if (error == null) {
      either.complete(value);
    } else {
      either.completeExceptionally(error);
    }
  }

  /** Reads keys as of one moment; each is empty if it does not exist. Linearizable. */
  Read read(List<ByteSequence> keys) throws LeaseStoreException {
    Op[] gets = keys.stream().map(key -> Op.get(key, GetOption.DEFAULT)).toArray(Op[]::new);
    try {
      CompletableFuture<TxnResponse> answer =
          twice(() -> client.getKVClient().txn().Then(gets).commit(), timeout);
      TxnResponse read = sameCluster(await(answer, timeout));
      return new Read(
          read.getHeader().getClusterId(),
          read.getGetResponses().stream().map(got -> got.getKvs().stream().findFirst()).toList());
    } catch (LeaseStoreException e) {
      throw e.asHarmless();
    }
  }

  record Read(long clusterId, List<Optional<KeyValue>> keys) {}

  /** A key exists and was last written at the revision; revision 0: it does not exist. */
  static Cmp isAt(ByteSequence key, long modRevision) {
    return new Cmp(key, Cmp.Op.EQUAL, CmpTarget.modRevision(modRevision));
  }

  /** Writes a key that ends with an etcd lease, or (lease 0) stays. */
  static Op put(ByteSequence key, String value, long leaseId) {
    return Op.put(key, bytes(value), PutOption.builder().withLeaseId(leaseId).build());
  }

  static Op delete(ByteSequence key) {
    return Op.delete(key, DeleteOption.DEFAULT);
  }

  /**
   * All operations or none.
   *
   * @return the revision of the write, or empty if a comparison failed
   */
  Optional<Write> write(List<Cmp> conditions, List<Op> operations) throws LeaseStoreException {
    TxnResponse answer =
        sameCluster(
            await(
                client
                    .getKVClient()
                    .txn()
                    .If(conditions.toArray(Cmp[]::new))
                    .Then(operations.toArray(Op[]::new))
                    .commit(),
                timeout));
    return answer.isSucceeded()
        ? Optional.of(
            new Write(answer.getHeader().getClusterId(), answer.getHeader().getRevision()))
        : Optional.empty();
  }

  record Write(long clusterId, long revision) {}

  /** Calls back at changes below the prefix, and when the watch has ended. */
  AutoCloseable watch(ByteSequence prefix, Runnable changed, Runnable ended) {
    WatchOption option =
        WatchOption.builder().isPrefix(true).withCreateNotify(true).withRequireLeader(true).build();
    return client
        .getWatchClient()
        .watch(prefix, option, Watch.listener(event -> changed.run(), error -> ended.run(), ended));
  }

  /** Endpoints of two clusters, or a cluster made anew, must not be taken for the same store. */
  private <T extends Response> T sameCluster(T answer) throws LeaseStoreException {
    long id = answer.getHeader().getClusterId();
    if (!clusterId.compareAndSet(0, id) && clusterId.get() != id) {
      throw new LeaseStoreException(
              Kind.WRONG_STORE,
              String.format(
                  "%s: cluster %016x answered, before it was %016x", store, id, clusterId.get()),
              "name the members of one cluster in lease.etcd.endpoints; restart this node if the"
                  + " cluster was restored",
              null)
          .asUnknown();
    }
    return answer;
  }

  private <T> T await(CompletableFuture<T> future, Duration limit) throws LeaseStoreException {
    try {
      return future.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException | CompletionException e) {
      throw EtcdErrors.translate(store, e.getCause());
    } catch (TimeoutException e) {
      future.cancel(true);
      throw EtcdErrors.translate(store, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LeaseStoreException(
              Kind.STOPPED, store + ": interrupted while waiting", "ask again if still needed", e)
          .asUnknown();
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
