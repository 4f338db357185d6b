// What Bouncy Castle says of an evidence record: java -cp "JARS/*" EvidenceRecord.java RECORD DOCUMENT CERTIFICATE
import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Date;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.ers.ERSByteData;
import org.bouncycastle.tsp.ers.ERSEvidenceRecord;

public class EvidenceRecord {
    public static void main(String[] args) throws Exception {
        try {
            ERSEvidenceRecord record = new ERSEvidenceRecord(
                Files.readAllBytes(Path.of(args[0])), new JcaDigestCalculatorProviderBuilder().build());
            try (FileInputStream in = new FileInputStream(args[2])) {
                X509Certificate certificate = (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(in);
                record.validate(new JcaSimpleSignerInfoVerifierBuilder().build(certificate));
            }
            record.validatePresent(new ERSByteData(Files.readAllBytes(Path.of(args[1]))), new Date());
            System.out.println("accepted");
        } catch (Exception error) {
            System.out.println("refused " + error.getMessage());
            System.exit(1);
        }
    }
}
