import threading, time
from werkzeug.serving import make_server
from portal import clock
from portal.services import sessions, members
from tests.factories import make_connection
from portal.db import db
def test_shots(app, world, tmp_path):
    from playwright.sync_api import sync_playwright
    from axe_playwright_python.sync_playwright import Axe
    with app.app_context():
        make_connection(world.ana, now=clock.now())
        members.deactivate(world.chloe.asker, world.ben.id, now=clock.now())
    app.config["SESSION_COOKIE_SECURE"]=False
    server=make_server("127.0.0.1",0,app,threaded=True)
    port=server.server_port
    app.config["TRUSTED_HOSTS"]=None
    threading.Thread(target=server.serve_forever,daemon=True).start()
    with app.app_context(): token=sessions.begin(world.chloe.id,browser="x",now=clock.now())
    c=app.test_client()
    with c.session_transaction() as s: s["_user_id"]=token; s["_fresh"]=True
    cookie=next(iter(c._cookies.values())) if hasattr(c,"_cookies") else None
    base=f"http://127.0.0.1:{port}"
    csvfile=tmp_path/"p.csv"; csvfile.write_text("email,name,role,team\nfay@acme.example,Fay,,\nx,,boss,\n")
    good=tmp_path/"g.csv"; good.write_text("email,name,role,team\nfay@acme.example,Fay,,\n")
    with sync_playwright() as p:
        b=p.chromium.launch(executable_path="/usr/bin/chromium",args=["--no-sandbox"])
        for width,scheme in ((1200,"light"),(360,"dark")):
            ctx=b.new_context(viewport={"width":width,"height":800},color_scheme=scheme)
            ctx.add_cookies([{"name":cookie.key,"value":cookie.value,"url":base}])
            pg=ctx.new_page()
            def shot(name):
                pg.screenshot(path=f"/tmp/shot-{name}-{width}.png",full_page=True)
                r=Axe().run(pg)
                assert r.violations_count==0, (name, r.generate_report())
                assert pg.evaluate("document.documentElement.scrollWidth")<=width, name
            pg.goto(base+"/admin/members"); shot("index")
            pg.goto(base+f"/admin/members/{world.ana.id}"); shot("show")
            pg.goto(base+f"/admin/members/{world.ben.id}"); shot("gone")
            pg.goto(base+f"/admin/members/{world.ana.id}/deactivate"); shot("deactivate")
            pg.goto(base+"/admin/members/invite"); pg.fill("#email","x"); pg.click("text=Send invitation"); shot("invite")
            pg.goto(base+"/admin/members/import"); shot("import")
            pg.set_input_files("#file",str(csvfile)); pg.click("text=Check the file"); shot("refused")
            pg.goto(base+"/admin/members/import"); pg.set_input_files("#file",str(good)); pg.click("text=Check the file"); shot("checked")
        b.close()
    server.shutdown()
