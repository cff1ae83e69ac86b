"""Public link shorteners: hosts whose links say nothing about where they lead.

Services that anybody can use. Not the short names of one company's own pages, such as youtu.be, nor those under which
a platform puts every link of its users, such as t.co: nobody chose them in order to hide something. A policy names
more in ``domains``.
"""

SHORTENERS: frozenset[str] = frozenset(
    {
        "bit.ly", "bitly.com", "j.mp", "tinyurl.com", "tiny.cc", "is.gd", "v.gd", "goo.gl", "ow.ly", "ht.ly",
        "buff.ly", "rb.gy", "rebrand.ly", "cutt.ly", "shorturl.at", "shorturl.asia", "short.io", "short.gy",
        "s.id", "t.ly", "bl.ink", "soo.gd", "clck.ru", "vk.cc", "qps.ru", "u.to", "x.co", "tr.im", "cli.gs",
        "snipurl.com", "snipr.com", "snurl.com", "budurl.com", "bc.vc", "adf.ly", "adfoc.us", "ouo.io",
        "ouo.press", "shorte.st", "sh.st", "linkvertise.com", "link-to.net", "exe.io", "za.gl", "gplinks.co",
        "shrinkme.io", "shrtco.de", "shrinke.me", "cpmlink.net", "urlz.fr", "urls.fr", "zpr.io", "po.st",
        "dlvr.it", "ift.tt", "lnk.to", "smarturl.it", "db.tt", "qr.ae", "chilp.it", "0rz.tw", "reurl.cc",
        "ppt.cc", "lihi.cc", "lihi1.com", "risu.io", "psee.io", "t.cn", "url.cn", "dwz.cn", "suo.im",
        "suo.nz", "mrw.so", "u.nu", "x.gd", "00m.in", "onl.la", "onl.tw", "da.gd", "gg.gg", "tny.im",
        "kutt.it", "dub.sh", "shlink.io", "polr.me", "yourls.org", "hyperurl.co", "tiny.one", "tinyurl.one",
        "cutt.us", "bit.do", "mcaf.ee", "su.pr", "fur.ly", "to.ly", "url.ie", "xurl.es", "xrl.us",
        "doiop.com", "tighturl.com", "moourl.com", "shrunken.com", "turl.ca", "vurl.com", "alturl.com",
        "goolnk.com", "l.ead.me", "qrco.de", "scnv.io", "me-qr.com", "flowcode.com", "hoy.kr", "han.gl",
        "me2.do", "c11.kr", "bom.so", "vn.tiktok.link", "acortar.link", "encurtador.com.br", "encr.pw",
        "abre.ai", "l1nk.dev", "l1nq.com", "sl.al", "n9.cl", "kisa.link", "bcz.link", "surl.li", "surl.lu",
        "2no.co", "iplogger.org", "grabify.link", "grabify.org", "iplogger.com", "yip.su",
    }
)  # fmt: skip
"""Their hosts, in lower case."""
