package io.tidemark.node.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Everything a node was told, checked, with defaults filled in. See docs/CONFIGURATION.md. */
public record NodeConfig(
    Fuse fuse,
    Data data,
    Http http,
    Lease lease,
    Replication replication,
    Proxy proxy,
    List<ExecStep> exec,
    RoleCommands roleCommands,
    boolean exitOnError,
    boolean skipSync,
    Log log) {

  /**
   * The mount.
   *
   * @param transport kernel or libfuse
   * @param unmountTimeout how long a clean unmount is tried while files are still open
   * @param readers threads that read requests at the same time; 0 chooses by the machine
   * @param spin how long they poll for the next request; null chooses by the machine
   * @param cpuAffinity CPUs that they may run on; empty for all
   * @param shareCpu whether the reader of a lone client works on that client's CPU
   */
  public record Fuse(
      Path dir,
      boolean allowOther,
      String transport,
      Duration unmountTimeout,
      int readers,
      Duration spin,
      List<Integer> cpuAffinity,
      boolean shareCpu) {}

  /**
   * The data directory.
   *
   * @param retention age limit of log records; zero or negative keeps them for ever
   * @param retentionSize limit of log bytes per database, 0 for none
   */
  public record Data(Path dir, boolean compress, Duration retention, long retentionSize) {}

  /**
   * The API.
   *
   * @param tls certificate and key, or null for plain HTTP
   * @param token bearer token that this node itself shows to others, or null
   * @param tokens those that it takes; every request must carry one unless there are none
   */
  public record Http(
      HostPort addr, Tls tls, String token, List<AccessToken> tokens, boolean insecure) {
    public Http {
      tokens = List.copyOf(tokens);
    }

    /** With one token that may do everything, or none. */
    public Http(HostPort addr, Tls tls, String token, boolean insecure) {
      this(
          addr,
          tls,
          token,
          token == null ? List.of() : List.of(new AccessToken(token, AccessRole.ADMIN)),
          insecure);
    }
  }

  /**
   * Certificate files in PEM.
   *
   * @param ca authority that signs the certificates of clients; null when clients need none
   */
  public record Tls(Path cert, Path key, Path ca) {}

  /**
   * Who may write. The three last are null unless configured by their section.
   *
   * @param hostname this node's name for people
   * @param primaryHostname the primary's, on a node that is told it: static, and no candidate; else
   *     null
   * @param advertiseUrl of this node; of the primary where {@code primaryHostname} is
   * @param promote whether it may found a cluster
   * @param takeOver whether it asks to become primary before its commands run
   */
  public record Lease(
      String type,
      String hostname,
      String primaryHostname,
      String advertiseUrl,
      boolean candidate,
      boolean promote,
      boolean takeOver,
      Duration ttl,
      Etcd etcd,
      Consul consul,
      Kubernetes kubernetes) {
    /** A static lease of a node that only reads. */
    public boolean isStaticReplica() {
      return type.equals("static") && !candidate;
    }
  }

  /** The etcd lease. */
  public record Etcd(
      List<String> endpoints, String prefix, String user, String password, Tls tls) {}

  /** The Consul lease. */
  public record Consul(String url, String key, Duration ttl, Duration lockDelay) {}

  /** The Kubernetes lease. */
  public record Kubernetes(String namespace, String name, String serviceAccount) {}

  /**
   * What a commit waits for, and how long.
   *
   * @param compress whether a primary compresses what it sends
   */
  public record Replication(
      String commit,
      int minInSync,
      boolean compress,
      Duration maxLag,
      Duration ackTimeout,
      Duration readerTimeout) {}

  /**
   * The proxy; off when target is null. Timeouts of zero mean none.
   *
   * @param addr null unless there is a target
   * @param db databases whose positions go into the cookie; empty for all
   * @param forward direct or fly-replay
   */
  public record Proxy(
      HostPort addr,
      HostPort target,
      List<String> db,
      List<String> passthrough,
      List<String> alwaysForward,
      String forward,
      Duration maxLag,
      Duration primaryRedirectTimeout,
      Duration readTimeout,
      Duration readHeaderTimeout,
      Duration writeTimeout,
      Duration idleTimeout) {}

  /**
   * Commands that run as long as the node has a role.
   *
   * @param stopTimeout how long one may take to end after SIGTERM when the role is lost
   */
  public record RoleCommands(
      List<ExecStep> onPrimary, List<ExecStep> onReplica, Duration stopTimeout) {
    /** Whether there are any. */
    public boolean isEmpty() {
      return onPrimary.isEmpty() && onReplica.isEmpty();
    }
  }

  /** The same with another command in place of {@code exec}. */
  public NodeConfig withExec(List<ExecStep> steps) {
    return new NodeConfig(
        fuse,
        data,
        http,
        lease,
        replication,
        proxy,
        List.copyOf(steps),
        roleCommands,
        exitOnError,
        skipSync,
        log);
  }

  /** The log; format is text or json. */
  public record Log(String format, boolean debug) {}
}
