package io.tidemark.it;

import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Web sites that know nothing of Tidemark on three nodes: sign in, post, upload and read through
 * any of them, while the primary is handed over and killed. With {@code tidemark.it.site-rounds} it
 * goes on for longer.
 */
class ProgramsBehindProxiesTest {
  private static final int USERS = 3;
  private static final int ROUNDS = Integer.getInteger("tidemark.it.site-rounds", 1);

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("etcd", "sqlite3", Settings.python());
  }

  @Test
  void aDjangoSiteLosesNothingWhileThePrimaryIsHandedOverAndKilled() throws Exception {
    Requirements.pythonModule("django");
    rounds(site(Site.DJANGO));
  }

  @Test
  void aFossilServerLosesNothingWhileThePrimaryIsHandedOverAndKilled() throws Exception {
    Requirements.programs("fossil");
    // docs/PROXY.md, "Pages that write": the login page makes what all other pages need.
    rounds(site(Site.FOSSIL).setting("proxy.always-forward", "[/login]"));
  }

  private SiteCluster site(Site site) throws Exception {
    return new SiteCluster(bench, site, Duration.ofMinutes(10L * ROUNDS));
  }

  private void rounds(SiteCluster site) throws Exception {
    site.start(USERS);
    for (int i = 0; i < ROUNDS; i++) {
      for (int change = 0; change < 3; change++) {
        site.handOff();
        site.awaitMore(USERS);
      }
      site.killPrimary(USERS);
      site.awaitMore(USERS);
    }
    site.check();
  }
}
