package io.tidemark.it;

import io.tidemark.lease.kubernetes.FakeApiServer;
import io.tidemark.lease.support.TestCertificates;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The whole program with a Lease of Kubernetes, as in a pod: token, authority, namespace. */
class KubernetesClusterTest {
  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", "openssl");
  }

  @Test
  void thePrimaryHandsOverAndWithTheApiServerGoneReadsGoOnWritesStopAndAllResumesByItself()
      throws Exception {
    TestCertificates certificates = new TestCertificates(bench.scratch("account"));
    certificates.sign("server", "IP:127.0.0.1");
    Path account = certificates.ca().getParent();
    Files.writeString(account.resolve("token"), "a token");
    Files.writeString(account.resolve("namespace"), "test\n");
    SSLContext tls = certificates.serverContext("server");
    FakeApiServer api = bench.closingLast(new FakeApiServer(tls));
    api.requireToken("a token");
    ElectedCluster cluster =
        new ElectedCluster(
                bench,
                2,
                node ->
                    node.elect("kubernetes", "{name: app, service-account: '" + account + "'}")
                        .setting("lease.ttl", "3s")
                        .environment("KUBERNETES_SERVICE_HOST", "127.0.0.1")
                        .environment("KUBERNETES_SERVICE_PORT", "" + api.port()))
            .start();
    StoreOutage.isOutlived(
        cluster, "Kubernetes", api, () -> bench.closingLast(api.startAgain(tls)));
  }
}
