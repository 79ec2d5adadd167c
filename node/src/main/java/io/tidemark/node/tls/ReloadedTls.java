package io.tidemark.node.tls;

import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificates of {@code http.tls}, read again when their files have changed: each new
 * connection uses what the files have, give or take {@link #LOOK}. Files that cannot be used, such
 * as a certificate whose key is still being written, leave things as they were and are looked at
 * again.
 */
public final class ReloadedTls {
  private static final Logger LOG = LoggerFactory.getLogger(ReloadedTls.class);

  /** How often the files are looked at, at most. */
  static final Duration LOOK = Duration.ofSeconds(1);

  private final NodeConfig.Tls files;

  // Guarded by this.
  private PemFiles current;
  private List<Object> stamp;
  private long looked;
  private String trouble = "";

  private ReloadedTls(NodeConfig.Tls files) throws IOException {
    this.files = files;
    this.stamp = stamp();
    this.current = PemFiles.read(files);
    this.looked = System.nanoTime();
  }

  /**
   * For the port of this node.
   *
   * @throws IOException when the files cannot be used; says which
   */
  public static SslContext server(NodeConfig.Tls files) throws IOException {
    ReloadedTls tls = new ReloadedTls(files);
    SslContextBuilder builder =
        SslContextBuilder.forServer(tls.new Keys()).sslProvider(SslProvider.JDK);
    if (files.ca() != null) {
      builder.trustManager(tls.new Trusted()).clientAuth(ClientAuth.REQUIRE);
    }
    return builder.build();
  }

  /**
   * For connections to other nodes, which are shown the same certificate. Without an authority of
   * its own those of Java count and none is shown.
   *
   * @param files or null
   * @throws IOException when the files cannot be used; says which
   */
  public static SslContext client(NodeConfig.Tls files) throws IOException {
    SslContextBuilder builder =
        SslContextBuilder.forClient()
            .sslProvider(SslProvider.JDK)
            .endpointIdentificationAlgorithm("HTTPS");
    if (files != null && files.ca() != null) {
      ReloadedTls tls = new ReloadedTls(files);
      builder.trustManager(tls.new Trusted()).keyManager(tls.new Keys());
    }
    return builder.build();
  }

  private synchronized PemFiles current() {
    long now = System.nanoTime();
    if (now - looked >= LOOK.toNanos()) {
      looked = now;
      List<Object> found = stamp();
      if (!found.equals(stamp)) {
        reload(found);
      }
    }
    return current;
  }

  private void reload(List<Object> found) {
    try {
      current = PemFiles.read(files);
      stamp = found;
      trouble = "";
      LOG.info("http.tls: the certificates have changed and are used from now on");
    } catch (IOException e) {
      if (!trouble.equals(e.getMessage())) {
        trouble = e.getMessage();
        LOG.warn("http.tls: the old certificates stay in use, the new ones cannot be: {}", trouble);
      }
    }
  }

  /** What changes when a file does. */
  private List<Object> stamp() {
    List<Object> found = new ArrayList<>();
    for (Path file : new Path[] {files.cert(), files.key(), files.ca()}) {
      try {
        found.add(file == null ? "" : Files.getLastModifiedTime(file));
        found.add(file == null ? "" : Files.size(file));
      } catch (IOException e) {
        found.add(e.toString());
      }
    }
    return found;
  }

  /** The key of now. */
  private final class Keys extends X509ExtendedKeyManager {
    @Override
    public String chooseEngineServerAlias(String type, Principal[] issuers, SSLEngine engine) {
      return current().keys().chooseEngineServerAlias(type, issuers, engine);
    }

    @Override
    public String chooseEngineClientAlias(String[] types, Principal[] issuers, SSLEngine engine) {
      return current().keys().chooseEngineClientAlias(types, issuers, engine);
    }

    @Override
    public String[] getClientAliases(String type, Principal[] issuers) {
      return current().keys().getClientAliases(type, issuers);
    }

    @Override
    public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
      return current().keys().chooseClientAlias(types, issuers, socket);
    }

    @Override
    public String[] getServerAliases(String type, Principal[] issuers) {
      return current().keys().getServerAliases(type, issuers);
    }

    @Override
    public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
      return current().keys().chooseServerAlias(type, issuers, socket);
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return current().keys().getCertificateChain(alias);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return current().keys().getPrivateKey(alias);
    }
  }

  /** The authorities of now. */
  private final class Trusted extends X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      current().trusted().checkClientTrusted(chain, type, engine);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      current().trusted().checkServerTrusted(chain, type, engine);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      current().trusted().checkClientTrusted(chain, type, socket);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      current().trusted().checkServerTrusted(chain, type, socket);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type)
        throws CertificateException {
      current().trusted().checkClientTrusted(chain, type);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type)
        throws CertificateException {
      current().trusted().checkServerTrusted(chain, type);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return current().trusted().getAcceptedIssuers();
    }
  }
}
